"""Safe in plan: thick walls seen from above, and a door that swings out about one front corner."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import shapely
from shapely.geometry import Polygon

from assets.generators import geometry as geo
from assets.generators import textures
from assets.generators.category import register_category
from assets.generators.model import GeneratedObject, Joint, Link, Material
from assets.generators.solids import CLEARANCE, Piece, Rivet, between_angles, moved, rivet_on, visuals

CATEGORY = "safe"


@dataclass(frozen=True)
class _Shape:
    """Measures in metres.

    The pivot is the origin, in the middle of the door's thickness; the closed door runs along +x and the body
    lies beyond it (+y).
    """

    width: float  # from the pivot to the free end of the door
    depth: float  # of the body
    wall: float
    door: float  # thickness of the door
    gap: float  # between the closed door and the body
    floor: float  # thickness of the floor
    height: float


def _draw_shape(rng: np.random.Generator) -> _Shape:
    width = rng.uniform(0.34, 0.46)
    return _Shape(
        width=width,
        depth=width * rng.uniform(0.55, 1.0),
        wall=rng.uniform(0.028, 0.06),
        door=rng.uniform(0.065, 0.10),
        gap=rng.uniform(0.003, 0.008),
        floor=rng.uniform(0.008, 0.014),
        height=rng.uniform(0.040, 0.065),
    )


def _body(rng: np.random.Generator, shape: _Shape, shell: Material, open_top: bool) -> list[Piece]:
    """Return floor, walls or cover, and what stands inside or on top."""
    half = 0.5 * shape.door
    front = half + shape.gap
    back, left, right = front + shape.depth, -half, shape.width
    outline = shapely.box(left, front, right, back)
    if rng.random() < 0.35:  # a jamb beside the door's free end, out of its way
        edge = float(np.hypot(shape.width, half)) + 0.004
        right = edge + shape.wall
        outline = geo.merge(shapely.box(left, front, right, back), shapely.box(edge, -half, right, back))
    bent = geo.rounded(outline, 0.006) if rng.random() < 0.5 else outline
    lug = geo.merge(geo.disc((0.0, 0.0), 0.9 * half), shapely.box(-0.9 * half, 0.0, 0.9 * half, front + 0.02))
    pieces = [Piece(geo.merge(bent, lug), 0.0, shape.floor, shell)]
    inside = shapely.box(left + shape.wall, front - 0.01, shape.width - shape.wall, back - shape.wall)
    start = shape.floor - 0.002
    trim = shell if rng.random() < 0.3 else textures.any_material(rng)
    if open_top:
        walls = geo.tidy(bent.difference(inside))
        pieces.append(Piece(walls, start, shape.height, shell, rng.uniform(0.0, 0.006)))
        if rng.random() < 0.85:  # the floor lined, or dark as in a deep shadow, so that the walls stand out
            shade = replace(shell, texture=(rng.uniform(0.3, 0.6) * shell.texture).astype(np.uint8))
            cloth = shade if rng.random() < 0.5 else trim
            lining = shapely.box(*np.add(inside.bounds, (-0.004, 0.012, 0.004, 0.004)))
            pieces.append(Piece(lining, start, shape.floor + 0.0007, cloth))
        pieces += _contents(rng, shape, inside)
        return pieces
    pieces.append(Piece(bent, start, shape.height, shell, rng.uniform(0.0, 0.01)))
    kind = int(rng.integers(3))
    rim = geo.rounded(outline.envelope.buffer(-shape.wall, join_style="mitre"), 0.01)
    rim = geo.tidy(rim.intersection(shapely.box(-1.0, front + shape.wall, 1.0, 1.0)))
    if kind == 1:  # a raised plate
        pieces.append(Piece(rim, shape.height - 0.003, shape.height + 0.004, trim, 0.002))
    elif kind == 2:  # a raised rim
        band = geo.tidy(rim.difference(rim.buffer(-0.4 * shape.wall)))
        pieces.append(Piece(band, shape.height - 0.003, shape.height + 0.004, trim))
    return pieces


def _contents(rng: np.random.Generator, shape: _Shape, inside: Polygon) -> list[Piece]:
    """Return bars, coins or a shelf on the floor, behind the door's reach; or nothing."""
    x0, y0, x1, y1 = inside.bounds
    middle = y0 + 0.5 * (y1 - y0)
    kind = ("none", "shelf", "bars", "coins")[rng.integers(4)]
    if kind == "none" or y1 - middle < 0.06:
        return []
    gold, low = textures.metal(rng), shape.floor - 0.002
    if kind == "shelf":
        shelf = shapely.box(x0 - 0.004, middle, x1 + 0.004, y1 + 0.004)
        return [Piece(shelf, low, rng.uniform(0.4, 0.75) * shape.height, textures.any_material(rng))]
    count = int(rng.integers(2, 5))
    pitch, high = (x1 - x0) / count, shape.floor + rng.uniform(0.008, 0.02)
    if kind == "bars":
        places = [x0 + (i + 0.15) * pitch for i in range(count)]
        bars = [shapely.box(x, middle + 0.01, x + 0.7 * pitch, y1 - 0.01) for x in places]
        return [Piece(bar, low, high, gold, 0.006) for bar in bars]
    radius = 0.4 * min(pitch, y1 - middle)
    centers = [(x0 + (i + 0.5) * pitch, y1 - 0.01 - radius) for i in range(count)]
    return [Piece(geo.disc(center, radius), low, high, gold, 0.003) for center in centers]


def _door(rng: np.random.Generator, shape: _Shape, panel: Material, open_top: bool) -> tuple[list[Piece], str]:
    """Return the closed door above the floor's lug, and the kind of its handle."""
    half = 0.5 * shape.door
    bottom, top = shape.floor + CLEARANCE, shape.height - rng.uniform(0.0, 0.008)
    slab = shapely.box(0.0, -half, shape.width, half)
    outline = geo.merge(slab, geo.disc((0.0, 0.0), half, 6))
    pieces = [Piece(outline, bottom, top, panel, rng.uniform(0.0, 0.006))]
    if open_top and rng.random() < 0.7:
        # The plug rotates out of the opening: its inner far corner keeps clear of the wall on its way.
        deep = half + shape.gap + rng.uniform(0.012, 0.3 * shape.depth)
        clear = shape.width - shape.wall - 0.004
        far = float(np.sqrt(clear**2 - deep**2))
        near = shape.wall - half + 0.004
        plug = shapely.box(max(near, 0.0), 0.0, far, deep)
        lined = panel if rng.random() < 0.5 else textures.any_material(rng)
        pieces.append(Piece(plug, bottom + 0.004, top - 0.006, lined))
    metal = panel if rng.random() < 0.25 else textures.metal(rng)
    low, high = bottom + 0.15 * (top - bottom), top - 0.1 * (top - bottom)
    place = rng.uniform(0.5, 0.78) * shape.width
    out = rng.uniform(0.03, 0.06)
    kind = ("wheel", "lever", "bow", "knob", "dial and lever")[rng.integers(5)]

    def box(x: float, wide: float, near: float, far: float) -> None:
        """Add a block in front of the door between two distances from its face."""
        outline = shapely.box(x - 0.5 * wide, -half - far, x + 0.5 * wide, -half - near + 0.003)
        pieces.append(Piece(outline, low, high, metal))

    if kind == "wheel":  # edge on: a shaft, a rim, the tips of its spokes
        wide = rng.uniform(0.09, 0.16)
        box(place, 0.022, 0.0, out)
        box(place, wide, out, out + 0.018)
        for side in (-0.46, 0.0, 0.46):
            pieces.append(Piece(geo.disc((place + side * wide, -half - out - 0.018), 0.012), low, high, metal))
    elif kind == "lever":
        box(place, 0.03, 0.0, out)
        side = 1.0 if rng.random() < 0.5 else -1.0
        box(place + side * 0.04, 0.11, out, out + 0.02)
    elif kind == "bow":
        wide = rng.uniform(0.10, 0.18)
        box(place - 0.5 * wide, 0.02, 0.0, out)
        box(place + 0.5 * wide, 0.02, 0.0, out)
        box(place, wide + 0.02, out - 0.003, out + 0.018)
    else:
        knob = place if kind == "knob" else 0.85 * shape.width
        radius = rng.uniform(0.022, 0.034)
        box(knob, 1.2 * radius, 0.0, 0.5 * out)
        pieces.append(Piece(geo.disc((knob, -half - 0.5 * out - 0.5 * radius), radius), low, high, metal, 0.004))
        if kind != "knob":
            box(0.45 * shape.width, 0.07, 0.0, 0.014)
            box(0.45 * shape.width, 0.10, 0.01, 0.024)
    if rng.random() < 0.4:  # a keypad, standing out flat
        spot = 0.28 * shape.width
        pad = shapely.box(spot - 0.035, -half - 0.014, spot + 0.035, -half + 0.003)
        pieces.append(Piece(pad, low, high, textures.coloured(rng)))
    if rng.random() < 0.5:  # a strip along the door's upper edge
        strip = shapely.box(0.1 * shape.width, -0.35 * half, 0.92 * shape.width, 0.35 * half)
        pieces.append(Piece(strip, top - 0.003, top + 0.003, textures.any_material(rng)))
    return pieces, kind


@register_category(CATEGORY, split="train", view="top")
def safe(rng: np.random.Generator) -> GeneratedObject:
    """Draw a safe as seen from above, cut open or with its top on.

    Args:
        rng: Source of every choice.

    Returns:
        The object, about 0.6 m wide with its door open: link 0 the body, link 1 the door.
    """
    shape = _draw_shape(rng)
    open_top = bool(rng.random() < 0.65)
    shell = textures.any_material(rng)
    panel = shell if rng.random() < 0.4 else textures.any_material(rng)
    body = _body(rng, shape, shell, open_top)
    door, handle = _door(rng, shape, panel, open_top)
    through = bool(rng.random() < 0.5)
    pin = shell if rng.random() < 0.4 else textures.metal(rng)
    radius = rng.uniform(0.4, 0.6) * 0.5 * shape.door
    body, door = rivet_on(Rivet(radius, 0.004, pin, through), body, door)
    least, most = np.radians(rng.uniform(0.0, 15.0)), np.radians(rng.uniform(85.0, 165.0))
    drawn = between_angles(rng, float(least), float(most))
    sign = 1.0 if rng.random() < 0.5 else -1.0  # unmirrored, the door opens clockwise
    body = [moved(piece, 0.0, mirror=sign > 0.0) for piece in body]
    door = [moved(piece, sign * drawn, mirror=sign > 0.0) for piece in door]
    limits = sorted((sign * (float(least) - drawn), sign * (float(most) - drawn)))
    joint = Joint(0, 1, (0.0, 0.0, shape.floor), limits[0], limits[1])
    links = (Link("body", visuals(body)), Link("door", visuals(door)))
    notes: dict[str, str | float] = {
        "top": "cut open" if open_top else "closed",
        "handle": handle,
        "materials": f"{shell.name}; {panel.name}",
    }
    return GeneratedObject(CATEGORY, links, (joint,), notes)
