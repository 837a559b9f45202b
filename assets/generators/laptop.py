"""Laptop seen from the side: a base and a lid on edge, hinged at the back."""

from __future__ import annotations

import numpy as np
import shapely

from assets.generators import geometry as geo
from assets.generators import textures
from assets.generators.category import register_category
from assets.generators.hinges import knuckles
from assets.generators.model import GeneratedObject, Joint, Link
from assets.generators.solids import CLEARANCE, Piece, between_angles, moved, visuals

CATEGORY = "laptop"
GAP = 0.004
"""Half the gap in metres between the base and the closed lid: keys and a screen stand in it."""


@register_category(CATEGORY, split="stress", view="top")
def laptop(rng: np.random.Generator) -> GeneratedObject:
    """Draw a laptop on its side, so that its lid swings in the plane.

    Args:
        rng: Source of every choice.

    Returns:
        The object, about 0.45 m long: link 0 the base, link 1 the lid.
    """
    length = rng.uniform(0.40, 0.50)
    over = length * rng.uniform(0.92, 1.0)  # length of the lid
    deep, thin = rng.uniform(0.05, 0.075), rng.uniform(0.042, 0.055)
    height = rng.uniform(0.05, 0.10)
    shell, cover = textures.alike(rng, textures.metal if rng.random() < 0.4 else textures.any_material, 0.6)
    corner = rng.uniform(0.003, 0.014)
    bottom = shapely.box(CLEARANCE, -deep, length, -GAP)
    if rng.random() < 0.4:  # thinner towards the user
        front = rng.uniform(0.6, 0.85) * deep
        bottom = bottom.difference(shapely.Polygon([(0.3 * length, -deep), (1.0, -deep), (length, -front)]))
    top = shapely.box(CLEARANCE, GAP, over, thin)
    base = [Piece(geo.rounded(bottom, corner), 0.0, height, shell, rng.uniform(0.0, 0.005))]
    lid = [Piece(geo.rounded(top, min(corner, 0.3 * thin)), 0.0, height, cover, rng.uniform(0.0, 0.005))]
    radius = rng.uniform(0.014, 0.02)
    split = rng.uniform(0.4, 0.6) * height
    base, lid = knuckles(radius, split, height, base, lid)
    screen = textures.any_material(rng)
    band = shapely.box(0.1 * over, 0.5 * GAP, 0.93 * over, rng.uniform(0.3, 0.45) * thin)
    lid.append(Piece(band, 0.02 * height, height + 0.0015, screen))
    keys = textures.any_material(rng) if rng.random() < 0.6 else shell
    if rng.random() < 0.6:  # keys
        count = int(rng.integers(5, 9))
        pitch = 0.55 * length / count
        for i in range(count):
            x = 0.12 * length + i * pitch
            key = shapely.box(x, -GAP - 0.008, x + 0.65 * pitch, -0.3 * GAP)
            base.append(Piece(key, 0.06 * height, height + 0.0015, keys))
    else:  # a keyboard in one piece
        board = shapely.box(0.12 * length, -GAP - 0.008, 0.7 * length, -0.3 * GAP)
        base.append(Piece(board, 0.06 * height, height + 0.0015, keys))
    for place in (0.1, 0.85) if rng.random() < 0.6 else ():  # feet
        foot = geo.disc((place * length, -0.9 * deep), 0.3 * deep)
        foot = foot.intersection(shapely.box(0.0, -1.3 * deep, length, -0.8 * deep))
        base.append(Piece(geo.tidy(foot), 0.1 * height, 0.9 * height, screen))
    least, most = np.radians(rng.uniform(30.0, 45.0)), np.radians(rng.uniform(105.0, 130.0))
    drawn = between_angles(rng, float(least), float(most))
    mirror = bool(rng.random() < 0.5)
    sign = -1.0 if mirror else 1.0
    base = [moved(piece, 0.0, mirror=mirror) for piece in base]
    lid = [moved(piece, sign * drawn, mirror=mirror) for piece in lid]
    limits = sorted((sign * (float(least) - drawn), sign * (float(most) - drawn)))
    joint = Joint(0, 1, (0.0, 0.0, split), limits[0], limits[1])
    links = (Link("base", visuals(base)), Link("lid", visuals(lid)))
    return GeneratedObject(CATEGORY, links, (joint,), {"materials": f"{shell.name}; {cover.name}"})
