"""Cupboard seen from above: a box with a pair of doors at its front."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import shapely

from assets.generators import geometry as geo
from assets.generators import textures
from assets.generators.category import register_category
from assets.generators.hinges import Door, door_materials, swing_angles
from assets.generators.model import GeneratedObject, Joint, Link
from assets.generators.solids import CLEARANCE, Piece, between_angles, moved, visuals

CATEGORY = "double_door"


@register_category(CATEGORY, split="stress", view="top")
def double_door(rng: np.random.Generator) -> GeneratedObject:
    """Draw a cupboard with two doors that swing in the plane, each by itself.

    Args:
        rng: Source of every choice.

    Returns:
        The object, about 0.5 m wide: link 0 the body, links 1 and 2 the doors.
    """
    width, depth = rng.uniform(0.46, 0.58), rng.uniform(0.20, 0.32)
    height = rng.uniform(0.06, 0.10)
    thick = rng.uniform(0.052, 0.07)
    under = rng.uniform(0.010, 0.016)
    below = rng.uniform(0.012, 0.018) if rng.random() < 0.5 else rng.uniform(0.0, 0.006)
    share = rng.uniform(0.42, 0.58)  # of the first door in the width
    span = width - thick - 0.008  # from hinge to hinge, less a gap
    doors = [Door(part * span - 0.003, thick, under + CLEARANCE, height - below) for part in (share, 1.0 - share)]
    hinges = (0.0, width - thick)
    shell, slab, trim = door_materials(rng)
    second = textures.any_material(rng) if rng.random() < 0.25 else slab
    front, back = doors[0].front, doors[0].front + depth
    outline = geo.rounded(shapely.box(-0.5 * thick, front, width - 0.5 * thick, back), rng.uniform(0.003, 0.015))
    if rng.random() < 0.5:  # without its roof: walls and floor, perhaps a shelf or something in it
        wall = rng.uniform(0.018, 0.03)
        inner = shapely.box(wall - 0.5 * thick, front - 0.01, width - 0.5 * thick - wall, back - wall)
        floor = textures.any_material(rng) if rng.random() < 0.5 else shell
        body = [
            Piece(geo.tidy(outline.difference(inner)), 0.0, height, shell),
            Piece(outline, 0.0, under, shell),
        ]
        if floor is not shell:
            body.append(Piece(geo.tidy(inner.intersection(outline)), under - 0.003, under + 0.002, floor))
    else:
        body = [Piece(outline, 0.0, height, shell, rng.uniform(0.0, 0.008))]
        if rng.random() < 0.5:
            inset = rng.uniform(0.02, 0.05)
            sheet = outline.buffer(-inset, join_style="mitre")
            body.append(Piece(geo.tidy(sheet), height - 0.003, height + 0.003, trim))
    links, joints = [], []
    for i, (door, x, sign, skin) in enumerate(zip(doors, hinges, (-1.0, 1.0), (slab, second), strict=True), start=1):
        lugs, leaf = door.lugs(rng, shell, height), door.pieces(rng, skin, trim)
        least, most = swing_angles(rng)
        drawn = between_angles(rng, least, most)
        if sign > 0.0:  # mirrored in the x axis and rotated by half a turn: mirrored in the y axis
            lugs, leaf = ([moved(piece, np.pi, mirror=True) for piece in group] for group in (lugs, leaf))
        leaf = [moved(piece, sign * drawn) for piece in leaf]
        body += [_shifted(piece, x) for piece in lugs]
        links.append(Link("door", visuals([_shifted(piece, x) for piece in leaf])))
        limits = sorted((sign * (least - drawn), sign * (most - drawn)))
        joints.append(Joint(0, i, (x, 0.0, door.bottom), limits[0], limits[1]))
    links.insert(0, Link("body", visuals(body)))
    notes: dict[str, str | float] = {"materials": f"{shell.name}; {slab.name}; {second.name}"}
    return GeneratedObject(CATEGORY, tuple(links), tuple(joints), notes)


def _shifted(piece: Piece, x: float) -> Piece:
    """Return a piece moved along +x."""
    return replace(piece, outline=shapely.affinity.translate(piece.outline, x, 0.0))
