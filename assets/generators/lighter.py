"""Flip-top lighter lying flat: a case with wheel and chimney, and a lid that rotates about a corner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from assets.generators import geometry as geo
from assets.generators import textures
from assets.generators.category import register_category
from assets.generators.hinges import knuckles
from assets.generators.model import GeneratedObject, Joint, Link, Material
from assets.generators.solids import CLEARANCE, Piece, between_angles, moved, visuals

CATEGORY = "lighter"
GAP = 0.0015
"""Half the gap in metres between the case and the closed lid."""


@dataclass(frozen=True)
class _Shape:
    """Measures in metres. The hinge is at the origin, the case to its lower left, the lid above the case."""

    width: float
    case: float  # length of the case
    lid: float  # length of the lid
    thick: float
    corner: float  # radius of the corners
    wall: float  # of the hollow lid


def _draw_shape(rng: np.random.Generator) -> _Shape:
    width = rng.uniform(0.17, 0.25)
    return _Shape(
        width=width,
        case=width * rng.uniform(1.0, 1.5),
        lid=width * rng.uniform(0.5, 0.8),
        thick=rng.uniform(0.045, 0.07),
        corner=width * rng.uniform(0.03, 0.14),
        wall=0.06 * width,
    )


def _burner(rng: np.random.Generator, shape: _Shape, steel: Material) -> list[Piece]:
    """Return what stands out of the case: all nearer to the hinge than the lid's far wall ever comes."""
    w, t = shape.width, shape.thick
    room = float(np.sqrt((w - shape.wall) ** 2 - (0.67 * w) ** 2))
    tall = min(rng.uniform(0.55, 0.75) * shape.lid, 0.9 * room)
    chimney = geo.rounded(shapely.box(-0.66 * w, -0.2 * w, -0.27 * w, tall), 0.006)
    rows = int(rng.integers(0, 4))
    for x in (-0.55 * w, -0.38 * w):
        for i in range(rows):
            hole = geo.disc((x, tall * (0.3 + 0.5 * i / max(rows - 1, 1))), 0.035 * w, 3)
            chimney = geo.tidy(chimney.difference(hole))
    base = shapely.box(-0.89 * w, -0.1 * w, -0.2 * w, 0.012)
    wheel = geo.disc((-0.775 * w, 0.075 * w), rng.uniform(0.065, 0.085) * w)
    black = textures.metal(rng) if rng.random() < 0.5 else steel
    return [
        Piece(base, 0.2 * t, 0.6 * t, steel),
        Piece(chimney, 0.25 * t, 0.7 * t, steel),
        Piece(wheel, 0.3 * t, 0.74 * t, black),
    ]


def _trim(rng: np.random.Generator, shape: _Shape, shell: Material) -> list[Piece]:
    """Return what decorates the case's upper face, often nothing."""
    w, h, t = shape.width, shape.case, shape.thick
    kind = ("none", "none", "badge", "band", "panel")[rng.integers(5)]
    material = textures.any_material(rng)
    if kind == "none" or material is shell:
        return []
    if kind == "badge":
        outline = geo.ellipse((-0.5 * w, -rng.uniform(0.4, 0.6) * h), [rng.uniform(0.12, 0.3) * w for _ in range(2)])
    elif kind == "band":
        low = rng.uniform(0.3, 0.75) * h
        outline = shapely.box(-w + 0.004, -low - rng.uniform(0.1, 0.2) * h, -0.004, -low)
    else:
        inset = rng.uniform(0.1, 0.2) * w
        outline = geo.rounded(shapely.box(inset - w, inset - h, -inset, -inset), 0.01)
    return [Piece(outline, t - 0.003, t + 0.002, material)]


@register_category(CATEGORY, split="test", view="top")
def lighter(rng: np.random.Generator) -> GeneratedObject:
    """Draw a flip-top lighter.

    Args:
        rng: Source of every choice.

    Returns:
        The object, about 0.4 m long: link 0 the case, link 1 the lid.
    """
    shape = _draw_shape(rng)
    w, t = shape.width, shape.thick
    picks = textures.metal if rng.random() < 0.4 else textures.any_material
    shell, cap = textures.alike(rng, picks, 0.65)
    whole = geo.rounded(shapely.box(-w - CLEARANCE, -shape.case, -CLEARANCE, shape.lid), shape.corner)
    outline = geo.tidy(whole.intersection(shapely.box(-1.0, -1.0, 1.0, -GAP)))
    over = geo.tidy(whole.intersection(shapely.box(-1.0, GAP, 1.0, 1.0)))
    hollow = shapely.box(shape.wall - w, 0.0, -shape.wall, shape.lid - shape.wall)
    chamfer = rng.uniform(0.0, 0.006)
    case = [Piece(outline, 0.0, t, shell, chamfer)]
    roof = 0.78 * t
    lid = [
        Piece(over, roof, t, cap, chamfer),
        Piece(geo.tidy(over.difference(hollow)), 0.0, roof + 0.002, cap),
    ]
    split = rng.uniform(0.4, 0.7) * t
    case, lid = knuckles(rng.uniform(0.06, 0.10) * w, split, t, case, lid)
    case += _burner(rng, shape, textures.metal(rng))
    case += _trim(rng, shape, shell)
    least, most = np.radians(rng.uniform(3.0, 20.0)), np.radians(rng.uniform(100.0, 150.0))
    drawn = between_angles(rng, float(least), float(most))
    mirror = bool(rng.random() < 0.5)
    sign = -1.0 if mirror else 1.0
    case = [moved(piece, 0.0, mirror=mirror) for piece in case]
    lid = [moved(piece, -sign * drawn, mirror=mirror) for piece in lid]
    limits = sorted((sign * (drawn - float(least)), sign * (drawn - float(most))))
    joint = Joint(0, 1, (0.0, 0.0, split), limits[0], limits[1])
    links = (Link("case", visuals(case)), Link("lid", visuals(lid)))
    return GeneratedObject(CATEGORY, links, (joint,), {"materials": f"{shell.name}; {cap.name}"})
