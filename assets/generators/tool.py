"""Tools and gadgets of two plates of irregular outline, on a pivot or in a slide, and rods with a cap that slides."""

from __future__ import annotations

import numpy as np
import shapely
from shapely import affinity
from shapely.geometry import LineString, Polygon

from assets.generators import baking, casework, forms, textures
from assets.generators import geometry as geo
from assets.generators.category import register_category
from assets.generators.forms import Body
from assets.generators.model import GeneratedObject, Joint, Material
from assets.generators.solids import CLEARANCE, between_angles

CATEGORY = "tool"


def _blob(rng: np.random.Generator, length: float, width: float) -> Polygon:
    """Return a lobed outline about the origin, rounded or with corners."""
    count = int(rng.integers(4, 11))
    turn = (np.arange(count) + rng.uniform(-0.3, 0.3, count)) * 2.0 * np.pi / count
    reach = rng.uniform(0.45, 1.0, count)
    points = np.column_stack([0.5 * length * reach * np.cos(turn), 0.5 * width * reach * np.sin(turn)])
    if rng.random() < 0.6:
        points = forms.rounded_line(points, 0.3 * min(length, width), closed=True)
    return geo.tidy(Polygon(points).buffer(0.0))


def _bar(rng: np.random.Generator, length: float, width: float) -> Polygon:
    """Return a straight, tapered or bent bar about the origin, or a fork or ring at the end of one."""
    bend = rng.uniform(-0.25, 0.25) if rng.random() < 0.5 else 0.0
    path = geo.arc((-0.5 * length, 0.0), (0.5 * length, 0.0), bend, 8)
    bar = geo.stroke(path, width * rng.uniform(0.4, 1.0, int(rng.integers(1, 5))))
    end = (0.5 * length, 0.0)
    kind = rng.integers(4)
    if kind == 1:
        bar = geo.merge(bar, geo.disc(end, 0.8 * width)).difference(geo.disc(end, 0.45 * width))
    elif kind == 2:
        notch = shapely.box(0.5 * length - 0.6 * width, -0.2 * width, length, 0.2 * width)
        bar = geo.merge(bar, geo.disc(end, 0.7 * width)).difference(notch)
    elif kind == 3:
        teeth = [geo.disc((x, 0.5 * width), 0.12 * width, 2) for x in np.arange(-0.3, 0.4, 0.1) * length]
        bar = bar.difference(shapely.union_all(teeth))
    return geo.tidy(bar)


def _frame(rng: np.random.Generator, length: float, width: float) -> Polygon:
    """Return a thin closed band."""
    outer = (
        _blob(rng, length, width)
        if rng.random() < 0.5
        else forms.box_outline(-0.5 * length, -0.5 * width, 0.5 * length, 0.5 * width, 0.2 * width)
    )
    inner = outer.buffer(-rng.uniform(0.06, 0.16) * width)
    return geo.tidy(outer.difference(inner)) if isinstance(inner, Polygon) and not inner.is_empty else outer


def _composed(rng: np.random.Generator, length: float, width: float) -> Polygon:
    """Return boxes, discs and bars put together and cut from each other."""
    shape: shapely.Geometry = _bar(rng, length, rng.uniform(0.3, 0.8) * width)
    for _ in range(int(rng.integers(1, 5))):
        x, y = rng.uniform(-0.4, 0.4) * length, rng.uniform(-0.3, 0.3) * width
        a, b = rng.uniform(0.08, 0.3, 2) * length
        piece = shapely.box(-a, -0.5 * b, a, 0.5 * b) if rng.random() < 0.5 else geo.disc((0.0, 0.0), 0.5 * a)
        piece = affinity.translate(geo.rotated(piece, rng.uniform(-0.7, 0.7)), x, y)
        joined = shape.union(piece) if rng.random() < 0.65 else shape.difference(piece)
        shape = joined if isinstance(joined, Polygon) and not joined.is_empty else shape
    return geo.tidy(shape)


OUTLINES = (_blob, _bar, _frame, _composed, _composed)


def _pierced(rng: np.random.Generator, shape: Polygon) -> Polygon:
    """Return an outline with a few holes or slots well inside it."""
    room = shape.buffer(-0.02)
    for _ in range(int(rng.integers(0, 4))):
        if room.is_empty:
            break
        x0, y0, x1, y1 = room.bounds
        hole = affinity.translate(
            geo.ellipse((0.0, 0.0), tuple(rng.uniform(0.012, 0.05, 2)), rng.uniform(0.0, np.pi)),
            rng.uniform(x0, x1),
            rng.uniform(y0, y1),
        )
        if room.contains(hole):
            shape, room = shape.difference(hole), room.difference(hole.buffer(0.02))
    return geo.tidy(shape)


def _details(rng: np.random.Generator, body: Body, shape: Polygon, top: float, trim: Material) -> None:
    """Add screws, ribs, labels and pads on a plate's upper face."""
    room = shape.buffer(-0.012)
    if room.is_empty:
        return
    x0, y0, x1, y1 = room.bounds
    for _ in range(int(rng.integers(0, 7))):
        x, y = rng.uniform(x0, x1), rng.uniform(y0, y1)
        size = rng.uniform(0.006, 0.03)
        rise = rng.uniform(0.002, 0.012)
        kind = rng.integers(4)
        outline = geo.rotated(shapely.box(-size, -0.4 * size, size, 0.4 * size), rng.uniform(0.0, np.pi))
        outline = affinity.translate(outline, x, y)
        if not room.contains(outline):
            continue
        if kind == 0:
            body.add(trim, forms.turned([(0.5 * size, -0.002), (0.4 * size, 0.5 * rise)], (x, y, top), sides=7))
        elif kind == 1:
            body.add_baked(baking.panel(rng), geo.slab(outline, top - 0.002, top + 0.0015))
        else:
            body.add(trim, geo.slab(outline, top - 0.002, top + rise))


def _grip(rng: np.random.Generator, body: Body, shape: Polygon, top: float, bottom: float) -> None:
    """Add a thicker sleeve over one end of a plate, or an upright pin or plate on it."""
    x0, y0, x1, y1 = shape.bounds
    kind = rng.integers(4)
    stuff = textures.any_material(rng)
    if kind == 0:
        end = shape.intersection(shapely.box(x0 - 1.0, y0 - 1.0, x0 + 0.35 * (x1 - x0), y1 + 1.0))
        pieces = [part for part in getattr(end, "geoms", [end]) if isinstance(part, Polygon) and part.area > 4e-4]
        for part in pieces:
            body.add(stuff, geo.slab(geo.tidy(part.buffer(0.004)), max(bottom, top - 0.02), top + 0.006, 0.004))
    elif kind == 1:
        spot = shape.representative_point()
        high = rng.uniform(0.02, 0.16)
        big = rng.uniform(0.01, 0.025)
        profile = [(big, -0.002), (big, 0.7 * high), (rng.uniform(0.6, 1.5) * big, high)]
        body.add(stuff, forms.turned(profile, (spot.x, spot.y, top), sides=9))


def _plate(rng: np.random.Generator, shape: Polygon, bottom: float, top: float, skin: Material, trim: Material) -> Body:
    """Return a link made of one plate, perhaps hollow or of two thin sheets, and what is on it."""
    body = Body("plate")
    high = top - bottom
    kind = rng.random()
    hollow = shape.buffer(-rng.uniform(0.006, 0.014))
    if kind < 0.25 and high > 0.03 and not hollow.is_empty:  # a thin-walled tray
        wall = geo.tidy(shape.difference(hollow))
        body.add(skin, geo.slab(wall, bottom, top), geo.slab(shape, bottom, bottom + 0.006))
        inner = max(getattr(hollow, "geoms", [hollow]), key=lambda part: part.area)
        if rng.random() < 0.5:
            body.add(trim, geo.slab(geo.tidy(inner), bottom + 0.005, bottom + rng.uniform(0.2, 0.6) * high))
        return body
    mesh = geo.slab(shape, bottom, top, rng.uniform(0.0, 0.4) * min(high, 0.02))
    (body.add_baked if rng.random() < 0.3 and skin.repeat >= 0.3 else body.add)(skin, mesh)
    if kind > 0.75 and not hollow.is_empty:  # a face of another material let into it
        inner = max(getattr(hollow, "geoms", [hollow]), key=lambda part: part.area)
        if inner.area > 1e-3:
            body.add(trim, geo.slab(geo.tidy(inner), top - 0.002, top + 0.002))
    _details(rng, body, shape, top, trim)
    return body


def _materials(rng: np.random.Generator) -> tuple[Material, Material, Material]:
    """Return the materials of the two plates, alike in half of the draws, and of their details."""
    kind = rng.random()
    pick = baking.panel if kind < 0.25 else casework.plain if kind < 0.5 else textures.any_material
    first = pick(rng)
    second = first if rng.random() < 0.5 else (pick if rng.random() < 0.5 else textures.any_material)(rng)
    return first, second, textures.metal(rng) if rng.random() < 0.6 else textures.any_material(rng)


def _thickness(rng: np.random.Generator) -> float:
    """Return a plate's height: a sheet, a plate or a block, metres."""
    return float(rng.choice([rng.uniform(0.004, 0.012), rng.uniform(0.012, 0.04), rng.uniform(0.04, 0.15)]))


def _pivoted(rng: np.random.Generator) -> tuple[Body, Body, Joint]:
    """Return two plates that turn about a pin, the second over the first."""
    skins = _materials(rng)
    low = 0.0
    side = 1.0 if rng.random() < 0.5 else -1.0
    least = rng.uniform(0.1, 0.5)
    most = least + rng.uniform(0.6, 2.2)
    drawn = between_angles(rng, least, most)
    pin = rng.uniform(0.012, 0.03)
    bodies = []
    for i, turn in enumerate((0.0, side * drawn)):
        length = rng.uniform(0.25, 0.5)
        shape = OUTLINES[rng.integers(len(OUTLINES))](rng, length, length * rng.uniform(0.25, 0.9))
        shape = _pierced(rng, shape)
        x0, _, x1, _ = shape.bounds
        along = x0 + rng.uniform(0.05, 0.45) * (x1 - x0)  # where the pin goes through
        cut = LineString([(along, -1.0), (along, 1.0)]).intersection(shape)
        at = max(getattr(cut, "geoms", [cut]), key=lambda part: part.length).centroid
        shape = geo.merge(affinity.translate(shape, -at.x, -at.y), geo.disc((0.0, 0.0), 1.7 * pin))
        high = low + _thickness(rng)
        body = _plate(rng, shape, low, high, skins[i], skins[2])
        if i == 1:
            _grip(rng, body, shape, high, low)
            top = high + rng.uniform(0.002, 0.02)
        else:
            top = max(float(mesh.bounds[1][2]) for mesh, _, _ in body.meshes)
            low = top + CLEARANCE
        body.add(skins[2], forms.turned([(pin, high - 0.004), (0.8 * pin, top)], (0.0, 0.0, 0.0), sides=9))
        bodies.append(_turned(body, turn))
    limits = sorted((side * (least - drawn), side * (most - drawn)))
    return bodies[0], bodies[1], Joint(0, 1, (0.0, 0.0, low), limits[0], limits[1])


def _turned(body: Body, angle: float) -> Body:
    """Return a body rotated about z; its meshes are changed."""
    for mesh, _, _ in body.meshes:
        mesh.apply_transform(forms.rotation((0.0, 0.0, 1.0), angle))
    return body


def _sliding(rng: np.random.Generator) -> tuple[Body, Body, Joint]:
    """Return a base and a plate that slides over it between rails, or along a rod."""
    skins = _materials(rng)
    base_high, high = _thickness(rng), _thickness(rng)
    long = rng.uniform(0.35, 0.55)
    wide = rng.uniform(0.1, 0.3)
    base = (
        _composed(rng, long, wide)
        if rng.random() < 0.5
        else forms.box_outline(-0.5 * long, -0.5 * wide, 0.5 * long, 0.5 * wide, 0.02)
    )
    track = shapely.box(-0.5 * long, -0.3 * wide, 0.5 * long, 0.3 * wide)
    body = _plate(rng, geo.merge(base, track), 0.0, base_high, skins[0], skins[2])
    start = max(float(mesh.bounds[1][2]) for mesh, _, _ in body.meshes) + CLEARANCE
    size = rng.uniform(0.3, 0.7) * long
    shape = _pierced(rng, OUTLINES[rng.integers(len(OUTLINES))](rng, size, rng.uniform(0.4, 1.3) * wide))
    most = rng.uniform(0.08, 0.25)
    from_zero = rng.uniform(0.2, 0.8) * most
    middle = rng.uniform(-0.3, 0.3) * long
    shape = affinity.translate(shape, middle, 0.0)
    slider = _plate(rng, shape, start, start + high, skins[1], skins[2])
    _grip(rng, slider, shape, start + high, start)
    if rng.random() < 0.5:
        for y in (-0.5 * wide - 0.012, 0.5 * wide + 0.012):
            top = start + rng.uniform(0.2, 0.9) * high
            body.add(skins[2], forms.block((-0.5 * long, y - 0.006, 0.0), (0.5 * long, y + 0.006, top)))
        body.add(
            skins[0],
            forms.block((-0.5 * long, -0.5 * wide - 0.01, 0.0), (0.01 - 0.5 * long, 0.5 * wide + 0.01, base_high)),
        )
        body.add(
            skins[0],
            forms.block((0.5 * long - 0.01, -0.5 * wide - 0.01, 0.0), (0.5 * long, 0.5 * wide + 0.01, base_high)),
        )
    joint = Joint(0, 1, (middle, 0.0, start), -from_zero, most - from_zero, (1.0, 0.0, 0.0), "prismatic")
    return body, slider, joint


def _capped(rng: np.random.Generator) -> tuple[Body, Body, Joint]:
    """Return a rod along x, such as a pen, and the hollow cap that slides off its end."""
    skin, other, trim = _materials(rng)
    wide, high = rng.uniform(0.04, 0.16), rng.uniform(0.03, 0.12)
    kind = rng.integers(3)
    if kind == 0:
        section = geo.ellipse((0.0, 0.0), (0.5 * wide, 0.5 * high))
    else:
        section = forms.box_outline(
            -0.5 * wide, -0.5 * high, 0.5 * wide, 0.5 * high, rng.uniform(0.0, 0.4) * min(wide, high)
        )
    bore, outer = section.buffer(CLEARANCE), section.buffer(CLEARANCE + rng.uniform(0.003, 0.012))
    section, bore, outer = (affinity.translate(shape, 0.0, -outer.bounds[1]) for shape in (section, bore, outer))
    long, cover = rng.uniform(0.25, 0.45), rng.uniform(0.08, 0.2)
    body, cap = Body("rod"), Body("cap")
    mesh = forms.upright_panel(section, "x", 0.0, long)
    (body.add_baked if skin.name.startswith("baked") else body.add)(skin, mesh)
    tip = affinity.scale(section, 0.5, 0.5)
    reach = rng.uniform(0.0, 0.1)
    if reach > 0.02:
        body.add(trim, forms.upright_panel(tip, "x", long - 0.001, long + reach))
    end = long + reach + 0.002
    cap.add(other, forms.upright_panel(geo.tidy(outer.difference(bore)), "x", long - cover, end + 0.001))
    cap.add(other, forms.upright_panel(outer, "x", end, end + 0.008))
    top = outer.bounds[3]
    if rng.random() < 0.6:  # a clip
        cap.add(trim, forms.block((long - 1.1 * cover, -0.01, top + 0.006), (end, 0.01, top + 0.01)))
        cap.add(trim, forms.block((end - 0.02, -0.01, top - 0.001), (end, 0.01, top + 0.01)))
    if rng.random() < 0.6:  # a band, or keys, on the rod
        for x in np.linspace(0.0, long - cover - 0.02, int(rng.integers(3, 7)))[1:-1]:
            room = section.bounds[3]
            body.add(trim, forms.block((x, -0.2 * wide, room - 0.004), (x + 0.012, 0.2 * wide, room + 0.003)))
    return (
        body,
        cap,
        Joint(0, 1, (end, 0.0, 0.5 * top), 0.0, cover + rng.uniform(0.02, 0.12), (1.0, 0.0, 0.0), "prismatic"),
    )


@register_category(CATEGORY, split="mix")
def tool(rng: np.random.Generator) -> GeneratedObject:
    """Draw a gadget of two parts.

    Args:
        rng: Source of every choice.

    Returns:
        The object, about 0.6 m long and up to 0.3 m high: link 0 the lower plate or the rod, link 1 the
        upper one or the cap.
    """
    make = (_pivoted, _pivoted, _pivoted, _sliding, _sliding, _capped)[rng.integers(6)]
    lower, upper, joint = make(rng)
    notes: dict[str, str | float] = {"kind": make.__name__.strip("_")}
    return GeneratedObject(CATEGORY, (lower.link(), upper.link()), (joint,), notes)
