"""Eyeglasses laid flat: a front with two lenses, and two temples hinged at its ends, each in a layer of its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import shapely
from shapely.geometry import Polygon

from assets.generators import geometry as geo
from assets.generators import textures
from assets.generators.category import register_category
from assets.generators.model import GeneratedObject, Joint, Link, Material
from assets.generators.solids import CLEARANCE, Piece, between_angles, moved, visuals

CATEGORY = "eyeglasses"
LENSES = ("round", "oval", "box", "cat", "drop")


def _glass(rng: np.random.Generator) -> Material:
    """Return a lens: dark as in sunglasses, or pale."""
    dark = bool(rng.random() < 0.5)
    colour = textures.any_colour(rng)
    colour = 0.25 * colour if dark else 0.7 + 0.25 * colour
    sheen = textures.smooth_noise(rng, 64, 2, 2)
    second = colour + (0.12 if dark else -0.12)
    return Material("dark lens" if dark else "clear lens", textures.paint(sheen, colour, second), 0.3)


def _lens(kind: str, width: float, height: float) -> Polygon:
    """Return the right lens about the origin; its outer side is at +x, its brow at +y."""
    a, b = 0.5 * width, 0.5 * height
    if kind in ("round", "oval"):
        return geo.ellipse((0.0, 0.0), (a, b))
    if kind == "box":
        return geo.rounded(shapely.box(-a, -b, a, b), 0.35 * b)
    if kind == "cat":
        corners = [(-0.9 * a, 0.75 * b), (a, b), (0.75 * a, -0.8 * b), (-0.6 * a, -b), (-a, -0.2 * b)]
    else:
        corners = [(-a, 0.9 * b), (a, 0.95 * b), (0.95 * a, -0.2 * b), (0.35 * a, -b), (-0.5 * a, -0.8 * b)]
    return geo.rounded(Polygon(corners), 0.3 * b)


def _temple(rng: np.random.Generator, length: float, width: float, eye: float) -> list[Polygon]:
    """Return the right temple, hinged at the origin along +y, and its tip as an own outline."""
    bend = rng.uniform(0.0, 0.07)
    path = geo.arc((0.0, 0.0), (0.0, length), bend, count=12)
    hook = rng.uniform(0.02, 0.07)
    path = np.vstack([path, path[-1] + np.array([-0.5 * hook, hook])])
    widths = [2.0 * eye, rng.uniform(0.85, 1.1) * width, rng.uniform(0.8, 1.0) * width, width]
    return [
        geo.merge(geo.disc((0.0, 0.0), eye), geo.stroke(path, widths)),
        geo.stroke(path[9:], 1.12 * width),
    ]


@register_category(CATEGORY, split="test", view="top")
def eyeglasses(rng: np.random.Generator) -> GeneratedObject:
    """Draw a pair of glasses with its front in the plane and the temples behind it.

    Args:
        rng: Source of every choice.

    Returns:
        The object, about 0.5 m wide: link 0 the front, link 1 the right temple, link 2 the left one.
    """
    kind = LENSES[rng.integers(len(LENSES))]
    width = rng.uniform(0.17, 0.21)
    height = width * (rng.uniform(0.9, 1.0) if kind == "round" else rng.uniform(0.6, 0.85))
    bridge = rng.uniform(0.03, 0.055)
    rim = rng.uniform(0.014, 0.026)
    thick = rng.uniform(0.013, 0.022)
    band = rng.uniform(0.048, 0.062)  # width of the temples
    eye = 0.5 * band * rng.uniform(1.0, 1.15)
    front, arms = textures.alike(rng, textures.any_material, 0.5)
    order = rng.permutation(3)  # layer of the front and of the two temples
    base = [float(layer * (thick + CLEARANCE)) for layer in order]
    centre = 0.5 * (bridge + width) + rim
    lens = shapely.affinity.translate(_lens(kind, width, height), centre, 0.0)
    around = lens.buffer(rim, quad_segs=4)
    brow = rng.uniform(0.15, 0.35) * height
    pivot = (centre + 0.5 * width + rim + rng.uniform(0.2, 0.7) * eye, max(brow, 0.25 * height))
    tab = geo.stroke(np.array([(centre + 0.3 * width, pivot[1]), pivot]), [0.9 * eye, 1.7 * eye])
    span = geo.arc((0.55 * centre, brow), (-0.55 * centre, brow), rng.uniform(-0.12, 0.0), count=7)
    half = shapely.union_all([around, tab])
    other = shapely.affinity.scale(half, -1.0, 1.0, origin=(0.0, 0.0))
    frame = shapely.union_all([half, other, geo.line(span, rng.uniform(0.022, 0.034))])
    holes = [lens, shapely.affinity.scale(lens, -1.0, 1.0, origin=(0.0, 0.0))]
    frame = geo.tidy(frame.difference(shapely.union_all(holes)))
    glass = _glass(rng)
    low, high = base[0] + 0.3 * thick, base[0] + 0.7 * thick
    panes = [Piece(geo.tidy(hole.buffer(0.002)), low, high, glass) for hole in holes]
    links = [Link("front", visuals([Piece(frame, base[0], base[0] + thick, front, rng.uniform(0, 0.004)), *panes]))]
    main, tip = _temple(rng, rng.uniform(0.40, 0.50), band, eye)
    sleeve = textures.any_material(rng) if rng.random() < 0.3 else None
    screw = textures.metal(rng)
    least, most = np.radians(rng.uniform(-18.0, -6.0)), np.radians(rng.uniform(45.0, 70.0))
    joints = []
    for i, sign in ((1, 1.0), (2, -1.0)):
        drawn = between_angles(rng, float(least), float(most))
        pieces = [Piece(main, base[i], base[i] + thick, arms, 0.15 * thick, 0.5 * np.pi)]
        if sleeve is not None:
            # It stays within the temple's layer: the other temple may fold over it.
            pieces[0] = Piece(geo.tidy(main.difference(tip)), base[i], base[i] + thick, arms)
            pieces.append(Piece(tip, base[i], base[i] + thick, sleeve, 0.15 * thick, 0.5 * np.pi))
        if order[i] == 2:  # nothing lies above
            top = base[i] + thick
            pieces.append(Piece(geo.disc((0.0, 0.0), 0.35 * eye), top - 0.004, top + 0.003, screw))
        if sign < 0.0:  # mirrored in the x axis and rotated by half a turn: mirrored in the y axis
            pieces = [moved(piece, np.pi, mirror=True) for piece in pieces]
        pieces = [moved(piece, sign * drawn) for piece in pieces]
        x = sign * pivot[0]
        placed = [replace(piece, outline=shapely.affinity.translate(piece.outline, x, pivot[1])) for piece in pieces]
        limits = sorted((sign * (float(least) - drawn), sign * (float(most) - drawn)))
        links.append(Link("temple", visuals(placed)))
        joints.append(Joint(0, i, (x, pivot[1], max(base[0], base[i])), limits[0], limits[1]))
    notes: dict[str, str | float] = {
        "lens": f"{kind}, {glass.name}",
        "materials": f"{front.name}; {arms.name}",
    }
    return GeneratedObject(CATEGORY, tuple(links), tuple(joints), notes)
