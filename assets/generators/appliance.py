"""Upright kitchen and laundry machines of real proportions: ovens, dishwashers, washing machines, fridges, freezers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import shapely
import trimesh

from assets.generators import baking, casework, forms, textures
from assets.generators import geometry as geo
from assets.generators.casework import GAP, Finish, Rect
from assets.generators.category import register_category
from assets.generators.forms import Body, block
from assets.generators.model import GeneratedObject, Joint

CATEGORY = "appliance"
Moving = list[tuple[Body, Joint]]
Size = tuple[float, float, float]


def _rack(rng: np.random.Generator, look: Finish, rect: Rect, depth: float, rim: float) -> list[trimesh.Trimesh]:
    """Return the wires of a rack in an opening: a loop and cross wires, with a rim above it where ``rim`` is not 0."""
    x0, _, x1, _ = rect
    z = rect[1]
    gauge = rng.uniform(0.0015, 0.004)
    y0, y1 = 0.015, depth - 0.01
    loop = np.array([(x0, y0, z), (x1, y0, z), (x1, y1, z), (x0, y1, z)])
    parts = [forms.wire(loop, gauge, True, 4)]
    for x in np.linspace(x0, x1, int(rng.integers(5, 12)))[1:-1]:
        parts.append(forms.rod((x, y0, z), (x, y1, z), 0.8 * gauge, 4))
    if rim > 0.0:
        above = np.add(loop, (0.0, 0.0, rim))
        parts.append(forms.wire(above, gauge, True, 4))
        parts += [forms.rod(a, b, gauge, 4) for a, b in zip(loop, above, strict=True)]
        for x in np.linspace(x0, x1, 5)[1:-1]:
            parts += [forms.rod((x, y, z), (x, y, z + rim), 0.8 * gauge, 4) for y in (y0, y1)]
    return parts


def _controls(rng: np.random.Generator, body: Body, rect: Rect, face: float, look: Finish) -> None:
    """Add a strip of controls: its plate, fixed knobs and keys that stand out of it."""
    x0, z0, x1, z1 = rect
    plate = baking.console(rng) if rng.random() < 0.6 else look.front
    mesh = block((x0, face, z0), (x1, 0.002, z1))
    (body.add if plate is look.front and not look.baked else body.add_baked)(plate, mesh)
    middle, high = 0.5 * (z0 + z1), z1 - z0
    radius = rng.uniform(0.2, 0.38) * high
    count = int(rng.integers(0, 7))
    dark = look.trim if rng.random() < 0.5 else casework.plain(rng)
    for x in np.linspace(x0, x1, count + 2)[1:-1]:
        if rng.random() < 0.75:
            profile = [(radius, 0.0), (0.9 * radius, 0.012), (0.5 * radius, 0.018)]
            body.add(dark, forms.turned(profile, (x, face, middle), (0.0, -1.0, 0.0), 9))
        else:
            body.add(
                dark,
                block((x - radius, face - 0.004, middle - 0.4 * radius), (x + radius, face, middle + 0.4 * radius)),
            )


def _door(
    rng: np.random.Generator, rect: Rect, side: str, thick: float, look: Finish, child: int
) -> tuple[Body, Joint]:
    """Return a door of one slab or with a window, and its hinge."""
    body = Body("door")
    x0, z0, x1, z1 = rect
    casework.leaf(rng, body, rect, thick, look, ("plain", "plain", "glass", "inset")[rng.integers(4)])
    lining = look.shell if rng.random() < 0.5 else casework.plain(rng)
    inset = 0.012
    body.add(lining, block((x0 + inset, -0.002, z0 + inset), (x1 - inset, 0.0005, z1 - inset)))
    upright = side in ("left", "right")
    x = {"left": x1 - 0.025, "right": x0 + 0.025}.get(side, 0.5 * (x0 + x1))
    z = z1 - 0.03 if side == "bottom" else 0.5 * (z0 + z1)
    casework.handle(rng, body, (x, z), -thick, 1.6 * ((z1 - z0) if upright else (x1 - x0)), upright, look)
    most = np.radians(rng.uniform(80.0, 95.0) if side == "bottom" else rng.uniform(90.0, 120.0))
    return body, casework.swing(side, rect, thick, 0.0, float(most), child)


def _oven(rng: np.random.Generator, body: Body, size: Size, wall: float, look: Finish) -> Moving:
    """A flap below a strip of controls, racks inside, a hob on top; or a dishwasher, whose rack slides out."""
    width, depth, height = size
    half = 0.5 * width
    strip = rng.uniform(0.08, 0.2) * height
    thick = rng.uniform(0.012, 0.03)
    low = rng.uniform(0.0, 0.15) * height
    rect = (-half, low, half, height - strip)
    opening = (wall - half, low + wall, half - wall, height - strip - wall)
    body.add(look.shell, block((wall - half, 0.0, opening[3]), (half - wall, depth - wall, opening[3] + wall)))
    if low > wall:
        body.add(look.shell, block((wall - half, 0.0, wall), (half - wall, depth - wall, low + wall)))
    _controls(rng, body, (-half, height - strip + GAP, half, height), -thick, look)
    moving = [_door(rng, rect, "bottom", thick, look, 1)]
    slides = rng.random() < 0.5
    levels = np.linspace(opening[1], opening[3], int(rng.integers(3, 5)))[1:-1]
    for i, z in enumerate(levels):
        place = (opening[0] + 0.006, float(z), opening[2] - 0.006, float(z))
        metal = textures.metal(rng)
        wires = _rack(rng, look, place, depth - wall, rng.uniform(0.0, 0.05) if slides else 0.0)
        if slides and i == 0:
            rack = Body("rack")
            rack.add(metal, *wires)
            most = rng.uniform(0.5, 0.8) * depth
            moving.append((rack, Joint(0, 2, (0.0, 0.0, place[1]), 0.0, most, (0.0, -1.0, 0.0), "prismatic")))
        else:
            body.add(metal, *wires)
    if rng.random() < 0.5:
        for x in (-0.22, 0.22):
            for y in (0.28, 0.72):
                turn = np.arange(12) * np.pi / 6
                reach = rng.uniform(0.1, 0.16) * width
                ring = np.column_stack([x * width + reach * np.cos(turn), y * depth + reach * np.sin(turn), 0 * turn])
                body.add(look.trim, forms.wire(np.add(ring, (0.0, 0.0, height + 0.003)), 0.004, True, 4))
    return moving


def _washer(rng: np.random.Generator, body: Body, size: Size, wall: float, look: Finish) -> Moving:
    """A round door in a closed front, the drum behind it, controls above, perhaps a drawer for the powder."""
    width, depth, height = size
    half = 0.5 * width
    strip = rng.uniform(0.1, 0.18) * height
    radius = rng.uniform(0.28, 0.4) * width
    middle = (0.0, (height - strip) * rng.uniform(0.48, 0.56))
    thick = rng.uniform(0.012, 0.03)
    front = shapely.box(wall - half, wall, half - wall, height - wall)
    hole = geo.disc(middle, 0.82 * radius, 5)
    powder = rng.random() < 0.4
    left = 0.35 * width - half if powder else -half
    if powder:
        hole = hole.union(shapely.box(wall - half, height - strip, left - wall, height - wall))
    body.add(look.shell, forms.upright_panel(front.difference(hole), "y", 0.0, wall))
    turn = np.arange(16) * np.pi / 8
    bore, long = 0.84 * radius, 0.7 * depth
    ring = np.column_stack([bore * np.cos(turn), bore * np.sin(turn)])
    drum = shapely.Polygon(1.08 * ring, [ring])
    body.add(textures.metal(rng), forms.upright_panel(shapely.affinity.translate(drum, *middle), "y", wall, long))
    _controls(rng, body, (left, height - strip, half, height - 0.004), -0.004, look)
    door = Body("door")
    disc = geo.disc(middle, radius, 6)
    door.add(look.front, forms.upright_panel(disc.difference(geo.disc(middle, 0.7 * radius, 5)), "y", -thick, 0.0))
    glass = textures.coloured(rng) if rng.random() < 0.3 else casework.plain(rng)
    bulge = [(0.75 * radius, -0.4 * thick), (0.6 * radius, rng.uniform(0.1, 0.3) * depth)]
    door.add(glass, forms.turned(bulge, (middle[0], 0.0, middle[1]), (0.0, 1.0, 0.0), 12))
    side, sign = ("left", -1.0) if rng.random() < 0.7 else ("right", 1.0)
    casework.handle(rng, door, (middle[0] - sign * 0.85 * radius, middle[1]), -thick, radius, True, look)
    rect = (middle[0] - radius, middle[1] - radius, middle[0] + radius, middle[1] + radius)
    moving = [(door, casework.swing(side, rect, thick, 0.0, float(np.radians(rng.uniform(90.0, 160.0))), 1))]
    if powder:
        slot = (GAP - half, height - strip, left - GAP, height - GAP)
        drawer = casework.drawer(rng, slot, 0.5 * depth, 0.008, look, wall)
        most = rng.uniform(0.25, 0.45) * depth
        moving.append((drawer, Joint(0, 2, (-half, 0.0, height - strip), 0.0, most, (0.0, -1.0, 0.0), "prismatic")))
    return moving


def _fridge(rng: np.random.Generator, body: Body, size: Size, wall: float, look: Finish) -> Moving:
    """One door, two above each other or side by side; boards or racks inside."""
    width, depth, height = size
    half = 0.5 * width
    thick = rng.uniform(0.015, 0.04)
    kind = rng.integers(3)
    share = rng.uniform(0.25, 0.75)
    if kind == 0:
        rects, sides = [(-half, 0.0, half, height)], ["left" if rng.random() < 0.5 else "right"]
    elif kind == 1:
        cut = share * height
        side = "left" if rng.random() < 0.5 else "right"
        rects, sides = [(-half, 0.0, half, cut - GAP), (-half, cut + GAP, half, height)], [side, side]
        body.add(look.shell, block((-half, 0.0, cut - 0.5 * wall), (half, depth - wall, cut + 0.5 * wall)))
    else:
        cut = (0.35 + 0.3 * share) * width - half
        rects, sides = [(-half, 0.0, cut - GAP, height), (cut + GAP, 0.0, half, height)], ["left", "right"]
        body.add(look.shell, block((cut - 0.5 * wall, 0.0, wall), (cut + 0.5 * wall, depth - wall, height - wall)))
    moving = []
    for i, (rect, side) in enumerate(zip(rects, sides, strict=True), start=1):
        x0, z0, x1, z1 = max(rect[0], wall - half), rect[1] + wall, min(rect[2], half - wall), rect[3] - wall
        for z in np.linspace(z0, z1, int(rng.integers(3, 6)))[1:-1]:
            if rng.random() < 0.5:
                body.add(textures.metal(rng), *_rack(rng, look, (x0, float(z), x1, float(z)), depth - wall, 0.0))
            else:
                body.add(casework.plain(rng), block((x0, 0.03, z), (x1, depth - wall, z + 0.004)))
        if rng.random() < 0.6:
            casework.contents(rng, body, (x0, z0, x1, z0 + 0.25 * (z1 - z0)), depth - wall)
        door, joint = _door(rng, rect, side, thick, look, i)
        if rng.random() < 0.6:  # trays inside the door
            for z in np.linspace(z0, z1, int(rng.integers(3, 5)))[:-1]:
                door.add(look.trim, block((x0 + 0.03, 0.003, z + 0.01), (x1 - 0.03, 0.16 * depth, z + 0.014)))
                door.add(look.trim, block((x0 + 0.03, 0.15 * depth, z + 0.01), (x1 - 0.03, 0.16 * depth, z + 0.04)))
        moving.append((door, joint))
    return moving


MACHINES: tuple[Callable[[np.random.Generator, Body, Size, float, Finish], Moving], ...] = (_oven, _washer, _fridge)


@register_category(CATEGORY, split="mix")
def appliance(rng: np.random.Generator) -> GeneratedObject:
    """Draw a machine with a door or two.

    Args:
        rng: Source of every choice.

    Returns:
        The object, its longest side about 0.6 m: link 0 the case, every further link a door, rack or drawer, all of
        them closed. It stands upright, its front towards -y.
    """
    make = MACHINES[rng.integers(len(MACHINES))]
    tall = rng.uniform(1.4, 2.4) if make is _fridge else rng.uniform(1.0, 1.5)
    height = 0.55
    width = height / tall
    depth = width * rng.uniform(0.75, 1.15)
    size = (width, depth, height)
    wall = rng.uniform(0.006, 0.014) if make is _washer else rng.uniform(0.012, 0.035)
    look = casework.finish(rng, 0.6)
    body = Body("case")
    casework.shell(body, size, wall, look.shell, casework.plain(rng))
    moving = make(rng, body, size, wall, look)
    casework.fittings(rng, body, size)
    up = casework.feet(rng, body, size, look)
    links = tuple(one.link(forms.lifted(up)) for one in (body, *(part for part, _ in moving)))
    joints = tuple(casework.raised(joint, up) for _, joint in moving)
    notes: dict[str, str | float] = {
        "kind": make.__name__.strip("_"),
        "materials": f"{look.shell.name}; {look.front.name}",
    }
    return GeneratedObject(CATEGORY, links, joints, notes)
