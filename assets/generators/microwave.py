"""Microwave oven seen from above: a box with a control panel, and a door at its front."""

from __future__ import annotations

import numpy as np
import shapely

from assets.generators import geometry as geo
from assets.generators import textures
from assets.generators.category import register_category
from assets.generators.hinges import Door, door_materials, swing_angles
from assets.generators.model import GeneratedObject, Joint, Link, Material
from assets.generators.solids import CLEARANCE, Piece, between_angles, moved, visuals

CATEGORY = "microwave"
STYLES = ("plain", "vents", "plate", "cutaway")


def _top(
    rng: np.random.Generator,
    style: str,
    room: tuple[float, float, float, float],
    height: float,
    material: Material,
) -> list[Piece]:
    """Return what lies on the roof within the box (x0, y0, x1, y1)."""
    x0, y0, x1, y1 = room
    if style == "vents":
        count = int(rng.integers(3, 7))
        step = rng.uniform(0.016, 0.024)
        length = rng.uniform(0.25, 0.45) * (x1 - x0)
        left = rng.uniform(x0 + 0.03, x1 - length - 0.03)
        low = rng.uniform(y0 + 0.03, y1 - count * step - 0.02)
        slots = [shapely.box(left, low + i * step, left + length, low + (i + 0.5) * step) for i in range(count)]
        return [Piece(slot, height - 0.003, height + 0.002, material) for slot in slots]
    if style == "plate":
        inset = rng.uniform(0.025, 0.05)
        sheet = geo.rounded(shapely.box(x0 + inset, y0 + inset, x1 - inset, y1 - inset), 0.012)
        return [Piece(sheet, height - 0.003, height + 0.003, material)]
    return []


@register_category(CATEGORY, split="test", view="top")
def microwave(rng: np.random.Generator) -> GeneratedObject:
    """Draw a microwave oven; its door swings in the plane.

    Args:
        rng: Source of every choice.

    Returns:
        The object, about 0.5 m wide: link 0 the body, link 1 the door.
    """
    style = STYLES[rng.integers(len(STYLES))]
    width, depth = rng.uniform(0.44, 0.56), rng.uniform(0.28, 0.38)
    panel = rng.uniform(0.18, 0.28) * width
    height = rng.uniform(0.06, 0.10)
    thick = rng.uniform(0.052, 0.075)
    under = rng.uniform(0.010, 0.016)
    below = rng.uniform(0.012, 0.018) if rng.random() < 0.5 else rng.uniform(0.0, 0.006)
    door = Door(width - panel - 0.5 * thick, thick, under + CLEARANCE, height - below)
    shell, slab, trim = door_materials(rng)
    left, right = -0.5 * thick, width - 0.5 * thick
    back = door.front + depth
    outline = geo.rounded(shapely.box(left, door.front, right, back), rng.uniform(0.003, 0.02))
    chamfer = rng.uniform(0.0, 0.008)
    side = door.length + 0.004 + door.swing  # the panel begins where the door's free end has room
    if style == "cutaway":  # without its roof: walls, floor and turntable
        wall = rng.uniform(0.018, 0.03)
        inner = shapely.box(left + wall, door.front - 0.01, side - wall, back - wall)
        body = [
            Piece(geo.tidy(outline.difference(inner)), 0.0, height, shell),
            Piece(outline, 0.0, under, shell),
        ]
        middle = inner.centroid
        plate = geo.disc((middle.x, middle.y), rng.uniform(0.32, 0.44) * min(depth - wall, side - left), 8)
        body.append(Piece(plate, under - 0.002, under + 0.012, textures.any_material(rng), 0.003))
    else:
        body = [Piece(outline, 0.0, height, shell, chamfer)]
        body += _top(rng, style, (left, door.front, right, back), height, trim)
    console = textures.any_material(rng) if rng.random() < 0.6 else shell
    strip = shapely.box(side, -0.5 * thick, right, door.front + 0.02)
    body.append(Piece(geo.rounded(strip, 0.003), 0.0, height + 0.0015, console))
    if rng.random() < 0.6:  # knobs or buttons that stand out of the panel
        count = int(rng.integers(1, 4))
        for i in range(count):
            x = side + (right - side) * (i + 1.0) / (count + 1.0)
            size = 0.3 * (right - side) / count
            knob = shapely.box(x - size, -0.5 * thick - 0.014, x + size, 0.004 - 0.5 * thick)
            body.append(Piece(knob, 0.3 * height, 0.7 * height, trim))
    body += door.lugs(rng, shell, height)
    leaf = door.pieces(rng, slab, trim)
    least, most = swing_angles(rng)
    drawn = between_angles(rng, least, most)
    mirror = bool(rng.random() < 0.5)
    sign = -1.0 if mirror else 1.0
    body = [moved(piece, 0.0, mirror=mirror) for piece in body]
    leaf = [moved(piece, -sign * drawn, mirror=mirror) for piece in leaf]
    limits = sorted((sign * (drawn - least), sign * (drawn - most)))
    joint = Joint(0, 1, (0.0, 0.0, door.bottom), limits[0], limits[1])
    links = (Link("body", visuals(body)), Link("door", visuals(leaf)))
    notes: dict[str, str | float] = {"style": style, "materials": f"{shell.name}; {slab.name}"}
    return GeneratedObject(CATEGORY, links, (joint,), notes)
