"""Cabinet with one to three drawers side by side that slide out of its front, seen from above."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import shapely

from assets.generators import geometry as geo
from assets.generators import textures
from assets.generators.category import register_category
from assets.generators.model import GeneratedObject, Joint, Link, Material
from assets.generators.solids import CLEARANCE, Piece, visuals

CATEGORY = "drawers"
ROOM = 0.003
"""Gap in metres between a drawer and the walls beside it."""


def _drawer(
    rng: np.random.Generator,
    box: tuple[float, float, float, float],
    z: tuple[float, float],
    face: float,
    wood: Material,
    trim: Material,
) -> list[Piece]:
    """Return a closed drawer.

    Args:
        rng: Source of every choice.
        box: (x0, y0, x1, y1) of the tray; y0 is the plane of the cabinet's front.
        z: Heights of its lower and upper face.
        face: Thickness of the front, which lies before the cabinet's.
        wood: Material of the drawer.
        trim: Material of its handle.
    """
    x0, y0, x1, y1 = box
    bottom, top = z
    wall = rng.uniform(0.012, 0.02)
    tray = shapely.box(x0, y0 - 0.5 * face, x1, y1)
    inner = shapely.box(x0 + wall, y0, x1 - wall, y1 - wall)
    front = shapely.box(x0, y0 - face, x1, y0 - ROOM)
    pieces = [
        Piece(geo.tidy(tray.difference(inner)), bottom, top, wood),
        Piece(tray, bottom, bottom + 0.3 * (top - bottom), wood),
        Piece(geo.rounded(front, 0.003), bottom, top + rng.uniform(0.0, 0.006), wood),
    ]
    middle, edge = 0.5 * (x0 + x1), y0 - face
    reach, half = rng.uniform(0.02, 0.035), rng.uniform(0.12, 0.35) * (x1 - x0)
    if rng.random() < 0.4:
        grip = geo.disc((middle, edge - 0.5 * reach), max(0.6 * reach, 0.5 * reach + 0.004))
    else:
        bar = shapely.box(middle - half, edge - reach, middle + half, edge + 0.004)
        slot = shapely.box(middle - half + 0.012, edge - reach + 0.012, middle + half - 0.012, edge + 0.1)
        grip = geo.tidy(bar.difference(slot) if rng.random() < 0.5 and half > 0.03 else bar)
    if isinstance(grip, shapely.Polygon):
        pieces.append(Piece(grip, bottom + 0.2 * (top - bottom), bottom + 0.8 * (top - bottom), trim))
    if rng.random() < 0.5:  # a lining that shows in the open drawer
        lining = textures.any_material(rng)
        level = bottom + 0.3 * (top - bottom)
        pieces.append(Piece(inner, level - 0.002, level + 0.002, lining))
    return pieces


@register_category(CATEGORY, split="stress", view="top")
def drawers(rng: np.random.Generator) -> GeneratedObject:
    """Draw a cabinet with drawers.

    Args:
        rng: Source of every choice.

    Returns:
        The object, about 0.5 m wide: link 0 the cabinet, every further link a drawer that slides along -y.
    """
    count = int(rng.integers(1, 4))
    width = (0.30, 0.40, 0.52)[count - 1] * rng.uniform(0.9, 1.15)
    depth = rng.uniform(0.26, 0.36)
    wall = rng.uniform(0.018, 0.03)
    floor, roof = rng.uniform(0.010, 0.016), rng.uniform(0.010, 0.016)
    inside = rng.uniform(0.035, 0.06)
    height = floor + inside + roof
    face = rng.uniform(0.02, 0.035)
    shell, wood = textures.alike(rng, textures.any_material, 0.5)
    trim = textures.any_material(rng)
    alike = bool(rng.random() < 0.7)
    cuts = np.cumsum(rng.uniform(0.8, 1.25, count))
    cuts = np.concatenate([[0.0], cuts / cuts[-1]])
    left, right = -0.5 * width, 0.5 * width
    edges = left + 0.5 * wall + cuts * (width - wall)  # middles of the walls
    whole = shapely.box(left, 0.0, right, depth)
    bays = [shapely.box(a + 0.5 * wall, -0.1, b - 0.5 * wall, depth - wall) for a, b in pairwise(edges)]
    body = [
        Piece(whole, 0.0, floor, shell),
        Piece(geo.rounded(whole, 0.006), floor + inside, height, shell, rng.uniform(0.0, 0.006)),
    ]
    posts = whole.difference(shapely.union_all(bays))
    body.append(Piece(geo.tidy(posts), floor - 0.002, floor + inside + 0.002, shell))
    if rng.random() < 0.5:
        inset = rng.uniform(0.02, 0.05)
        sheet = shapely.box(left + inset, inset, right - inset, depth - inset)
        body.append(Piece(geo.rounded(sheet, 0.01), height - 0.003, height + 0.003, textures.any_material(rng)))
    links, joints = [Link("cabinet", visuals(body))], []
    for i, bay in enumerate(bays, start=1):
        x0, _, x1, y1 = bay.bounds
        skin = wood if alike or i == 1 else textures.any_material(rng)
        low = floor + CLEARANCE
        high = low + rng.uniform(0.6, 0.85) * inside
        long = y1 - ROOM - rng.uniform(0.0, 0.03)
        pieces = _drawer(rng, (x0 + ROOM, -ROOM, x1 - ROOM, long), (low, high), face, skin, trim)
        least, most = rng.uniform(0.02, 0.06), rng.uniform(0.7, 0.88) * long
        out = rng.uniform(least + 0.1 * (most - least), most - 0.1 * (most - least))
        drawn = [
            Piece(
                shapely.affinity.translate(piece.outline, 0.0, -out),
                piece.bottom,
                piece.top,
                piece.material,
                piece.chamfer,
                piece.grain,
            )
            for piece in pieces
        ]
        links.append(Link("drawer", visuals(drawn)))
        joints.append(Joint(0, i, (0.5 * (x0 + x1), -out, low), least - out, most - out, (0.0, -1.0, 0.0), "prismatic"))
    return GeneratedObject(
        CATEGORY,
        tuple(links),
        tuple(joints),
        {"drawers": f"{count}", "materials": f"{shell.name}; {wood.name}"},
    )
