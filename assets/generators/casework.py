"""What upright cases are made of: an open shell, doors, flaps and drawers in its front, handles, what stands inside.

The front looks towards -y and lies at y = 0, the floor at z = 0. Places in the front are rectangles (x0, z0, x1, z1).
Lengths are metres.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import shapely

from assets.generators import baking, forms, textures
from assets.generators.forms import Body, block
from assets.generators.model import Joint, Material

Rect = tuple[float, float, float, float]
GAP = 0.003
"""Between a door and its neighbours, metres."""


@dataclass(frozen=True)
class Finish:
    """Materials of a case: of its shell, of its fronts, of handles and other trim; ``baked`` where fronts are baked."""

    shell: Material
    front: Material
    trim: Material
    baked: bool


def finish(rng: np.random.Generator, alike: float = 0.5) -> Finish:
    """Sample materials; with probability ``alike`` the fronts have the shell's."""
    baked = bool(rng.random() < 0.4)
    shell = textures.any_material(rng)
    if rng.random() < 0.5:  # plain, as much of real furniture is
        shell = plain(rng)
    front = baking.panel(rng) if baked else shell if rng.random() < alike else textures.any_material(rng)
    trim = textures.metal(rng) if rng.random() < 0.7 else textures.any_material(rng)
    return Finish(shell, front, trim, baked)


def plain(rng: np.random.Generator) -> Material:
    """Return an even colour, often white or grey."""
    grey = np.full(3, rng.uniform(0.25, 0.97))
    colour = grey if rng.random() < 0.6 else textures.any_colour(rng)
    return Material("plain", np.tile(np.round(255.0 * colour).astype(np.uint8), (8, 8, 1)), 0.2)


def shell(body: Body, size: tuple[float, float, float], wall: float, material: Material, lining: Material) -> None:
    """Add five boards of an open case and a lining before its back.

    Args:
        body: What they are added to.
        size: Width, depth and height.
        wall: Thickness of the boards.
        material: Of the boards.
        lining: Of the back wall's inner face.
    """
    width, depth, height = size
    half = 0.5 * width
    body.add(
        material,
        block((-half, 0.0, 0.0), (half, depth, wall)),
        block((-half, 0.0, height - wall), (half, depth, height)),
        block((-half, 0.0, wall), (wall - half, depth, height - wall)),
        block((half - wall, 0.0, wall), (half, depth, height - wall)),
        block((wall - half, depth - wall, wall), (half - wall, depth, height - wall)),
    )
    inside = depth - wall
    body.add(lining, block((wall - half, inside - 0.002, wall), (half - wall, inside, height - wall)))


def leaf(
    rng: np.random.Generator, body: Body, rect: Rect, thick: float, look: Finish, style: str | None = None
) -> None:
    """Add a door's panel before the front.

    Args:
        rng: Source of every choice.
        body: What it is added to.
        rect: Its place in the front.
        thick: Its thickness; it lies between y = -thick and 0.
        look: Materials.
        style: One of `STYLES`; None for any.
    """
    x0, z0, x1, z1 = rect
    style = style or STYLES[rng.integers(len(STYLES))]
    if rng.random() < 0.25:
        _stickers(rng, body, rect, thick)
    rail = min(rng.uniform(0.08, 0.22) * min(x1 - x0, z1 - z0), 0.06)

    def add(rect: Rect, y0: float, y1: float, material: Material) -> None:
        mesh = block((rect[0], y0, rect[1]), (rect[2], y1, rect[3]))
        (body.add_baked if look.baked and material is look.front else body.add)(material, mesh)

    inner = (x0 + rail, z0 + rail, x1 - rail, z1 - rail)
    if style in ("plain", "raised"):
        add(rect, -thick, 0.0, look.front)
        if style == "raised":
            count = int(rng.integers(1, 4))
            edges = np.linspace(inner[1] - 0.5 * rail, inner[3] + 0.5 * rail, count + 1)
            for low, high in pairwise(edges):
                field = (inner[0], low + 0.25 * rail, inner[2], high - 0.25 * rail)
                add(field, -thick - 0.004, -thick + 0.001, look.front if rng.random() < 0.7 else look.trim)
        return
    window = shapely.box(*inner)
    frame = forms.upright_panel(shapely.box(*rect).difference(window), "y", -thick, 0.0)
    body.add(look.shell if rng.random() < 0.3 else look.front, frame)
    if style == "inset":
        add(inner, -0.6 * thick, -0.3 * thick, look.front)
    elif style == "glass":
        pane = plain(rng)
        add(inner, -0.55 * thick, -0.4 * thick, pane)
    elif style == "slats":
        for z in np.arange(inner[1], inner[3] - 0.4 * rail, max(0.8 * rail, (inner[3] - inner[1]) / 10)):
            body.add(look.front, block((inner[0], -0.7 * thick, z), (inner[2], -0.3 * thick, z + 0.45 * rail)))
    else:  # wires
        gauge = max(0.15 * thick, 0.002)
        middle = -0.5 * thick
        for x in np.linspace(inner[0], inner[2], int(rng.integers(4, 10)))[1:-1]:
            body.add(look.trim, forms.rod((x, middle, z0 + 0.5 * rail), (x, middle, z1 - 0.5 * rail), gauge, 4))
        for z in np.linspace(inner[1], inner[3], int(rng.integers(3, 7)))[1:-1]:
            body.add(look.trim, forms.rod((x0 + 0.5 * rail, middle, z), (x1 - 0.5 * rail, middle, z), gauge, 4))


def _stickers(rng: np.random.Generator, body: Body, rect: Rect, thick: float) -> None:
    x0, z0, x1, z1 = rect
    for _ in range(int(rng.integers(1, 6))):
        half = rng.uniform(0.006, 0.025)
        x, z = rng.uniform(x0 + half, x1 - half), rng.uniform(z0 + half, z1 - half)
        sheet = block((x - half, -thick - 0.002, z - half), (x + half, -0.5 * thick, z + half))
        body.add_baked(baking.panel(rng), sheet)


STYLES = ("plain", "plain", "plain", "raised", "inset", "inset", "glass", "slats", "wires")


def handle(
    rng: np.random.Generator, body: Body, at: tuple[float, float], face: float, long: float, upright: bool, look: Finish
) -> None:
    """Add a handle, or none.

    Args:
        rng: Source of every choice.
        body: What it is added to.
        at: (x, z) of its middle.
        face: y of the surface that it stands on.
        long: Room along it, metres.
        upright: Whether it runs along z, else along x.
        look: Materials; the trim's is taken.
    """
    kind = ("bow", "bow", "bar", "knob", "lip", "none")[rng.integers(6)]
    half = min(rng.uniform(0.2, 0.45) * long, 0.12)
    out = rng.uniform(0.018, 0.045)
    gauge = rng.uniform(0.003, 0.007)

    def place(along: float, y: float) -> tuple[float, float, float]:
        return (at[0], y, at[1] + along) if upright else (at[0] + along, y, at[1])

    if kind == "bow":
        corners = [place(-half, face), place(-half, face - out), place(half, face - out), place(half, face)]
        body.add(look.trim, forms.wire(forms.rounded_line(corners, 0.6 * out, steps=2), gauge, sides=5))
    elif kind == "bar":
        low, high = np.array(place(-half, face - out)), np.array(place(half, face - out))
        body.add(look.trim, forms.rod(low, high, gauge * 1.3, 6))
        for end in (0.1, 0.9):
            foot = low + end * (high - low)
            body.add(look.trim, forms.rod(foot, (foot[0], face, foot[2]), 0.8 * gauge, 5))
    elif kind == "knob":
        big = rng.uniform(0.008, 0.018)
        profile = [(0.5 * big, 0.0), (0.5 * big, 0.4 * out), (big, 0.7 * out), (0.7 * big, out)]
        body.add(look.trim, forms.turned(profile, place(0.0, face), (0.0, -1.0, 0.0), 9))
    elif kind == "lip":
        a, b = np.array(place(-half, face + 0.001)), np.array(place(half, face - 0.5 * out))
        wide = np.array((0.004, 0.0, 0.0) if upright else (0.0, 0.0, 0.004))
        body.add(look.trim, block(a - wide, b + wide))


def drawer(
    rng: np.random.Generator, rect: Rect, depth: float, thick: float, look: Finish, inset: float = 0.008
) -> Body:
    """Return a closed drawer whose front covers a rectangle.

    Args:
        rng: Source of every choice.
        rect: Its front's place.
        depth: Of the tray of thin walls behind its front.
        thick: Thickness of its front.
        look: Materials.
        inset: By how much the tray is smaller than the front, all round.
    """
    x0, z0, x1, z1 = rect
    body = Body("drawer")
    leaf(rng, body, rect, thick, look, ("plain", "raised", "inset")[rng.integers(3)])
    wall = rng.uniform(0.003, 0.008)
    left, right, low = x0 + inset + 0.004, x1 - inset - 0.004, z0 + inset
    high = low + rng.uniform(0.4, 0.85) * (z1 - inset - low)
    wood = look.shell if rng.random() < 0.5 else textures.any_material(rng)
    body.add(
        wood,
        block((left, 0.0, low), (left + wall, depth, high)),
        block((right - wall, 0.0, low), (right, depth, high)),
        block((left, depth - wall, low), (right, depth, high)),
        block((left, 0.0, low), (right, depth, low + wall)),
    )
    wide = x1 - x0
    for x in (0.25, 0.75) if wide > 0.3 and rng.random() < 0.4 else (0.5,):
        handle(rng, body, (x0 + x * wide, 0.5 * (z0 + z1)), -thick, 0.6 * wide, False, look)
    return body


def swing(side: str, rect: Rect, thick: float, least: float, most: float, child: int) -> Joint:
    """Return the hinge of a door that covers a rectangle and opens towards -y.

    Args:
        side: ``"left"``, ``"right"``, ``"bottom"`` or ``"top"``: the edge that carries the hinge.
        rect: The door's.
        thick: Its thickness; the axis is in its outer face, so that it clears its neighbours.
        least: Smallest opening, radians.
        most: Largest.
        child: Index of the door's link.
    """
    x0, z0, x1, z1 = rect
    sign = -1.0 if side in ("left", "top") else 1.0
    axis = (0.0, 0.0, 1.0) if side in ("left", "right") else (1.0, 0.0, 0.0)
    x = x1 if side == "right" else x0
    z = z1 if side == "top" else z0
    lower, upper = sorted((sign * least, sign * most))
    return Joint(0, child, (x, -thick, z), lower, upper, axis)


def raised(joint: Joint, height: float) -> Joint:
    """Return a joint moved up by ``height``."""
    x, y, z = joint.origin
    return replace(joint, origin=(x, y, z + height))


def contents(rng: np.random.Generator, body: Body, rect: Rect, depth: float) -> None:
    """Add a few boxes and jars that stand on the floor of a compartment.

    Args:
        rng: Source of every choice.
        body: The case.
        rect: The compartment, seen from the front.
        depth: How deep it is.
    """
    x0, z0, x1, z1 = rect
    for x in np.linspace(x0, x1, int(rng.integers(2, 6)))[1:-1]:
        high = rng.uniform(0.2, 0.8) * (z1 - z0)
        half = min(rng.uniform(0.1, 0.4) * (x1 - x0) / 3, 0.4 * depth)
        y = rng.uniform(0.45, 0.6) * depth
        stuff = textures.coloured(rng) if rng.random() < 0.6 else baking.panel(rng)
        if rng.random() < 0.5:
            profile = [(half, 0.0), (half, 0.7 * high), (0.4 * half, 0.8 * high), (0.4 * half, high)]
            body.add(stuff, forms.turned(profile, (x, y, z0), sides=8))
        else:
            body.add_baked(stuff, block((x - half, y - half, z0), (x + half, y + half, z0 + high)))


def fittings(rng: np.random.Generator, body: Body, size: tuple[float, float, float]) -> None:
    """Add what is screwed and stuck on a case's sides, top and back in half of the draws: plates, hooks, pads, labels.

    Args:
        rng: Source of every choice.
        body: The case.
        size: Its width, depth and height.
    """
    if rng.random() < 0.5:
        return
    half, (_, depth, height) = 0.5 * size[0], size
    kinds = [textures.any_material(rng) for _ in range(int(rng.integers(1, 5)))]
    for _ in range(int(rng.integers(3, 20))):
        stuff = kinds[rng.integers(len(kinds))]
        long, wide = rng.uniform(0.004, 0.05), rng.uniform(0.004, 0.02)
        long = min(long, 0.12 * height)
        out = rng.uniform(0.001, 0.012)
        x, y, z = rng.uniform(-0.7, 0.7) * half, rng.uniform(0.3, 0.7) * depth, rng.uniform(0.15, 0.85) * height
        side = rng.integers(4)
        if side < 2:
            face = half if side else -half
            body.add(stuff, block((face - out, y - wide, z - long), (face + out, y + wide, z + long)))
        elif side == 2:
            body.add(stuff, block((x - long, y - wide, height - 0.002), (x + long, y + wide, height + out)))
        else:
            body.add(stuff, block((x - long, depth - 0.002, z - wide), (x + long, depth + out, z + wide)))


def feet(rng: np.random.Generator, body: Body, size: tuple[float, float, float], look: Finish) -> float:
    """Add feet below z = 0, or a plinth, or nothing; return how high they are."""
    kind = ("none", "none", "legs", "wire", "plinth")[rng.integers(5)]
    half, depth = 0.5 * size[0], size[1]
    high = rng.uniform(0.02, 0.25) * size[2] if kind in ("legs", "wire") else rng.uniform(0.01, 0.05)
    if kind == "none":
        return 0.0
    if kind == "plinth":
        body.add(look.shell, block((0.02 - half, 0.02, -high), (half - 0.02, depth - 0.02, 0.001)))
        return high
    leg = rng.uniform(0.004, 0.012)
    for side in (-1.0, 1.0):
        x = side * (half - 2.0 * leg)
        if kind == "legs":
            for y in (2.0 * leg, depth - 2.0 * leg):
                body.add(look.trim, forms.rod((x, y, -high), (x, y, 0.001), leg, 6))
        else:
            corners = [(x, 2 * leg, 0.0), (x, leg, leg - high), (x, depth - leg, leg - high), (x, depth - 2 * leg, 0.0)]
            body.add(look.trim, forms.wire(forms.rounded_line(corners, 0.03, steps=2), leg, sides=5))
    return high
