"""Scissors: two blades with ring handles that cross at a rivet."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import shapely
from shapely.geometry import Polygon

from assets.generators import geometry as geo
from assets.generators import textures
from assets.generators.category import register_category
from assets.generators.model import GeneratedObject, Material
from assets.generators.solids import Piece, Rivet, between_angles, crossing

CATEGORY = "scissors"


@dataclass(frozen=True)
class _Shape:
    """Measures of one half, metres."""

    blade: float  # length from the pivot to the tip
    width: float  # width of the blade at the pivot
    tip: float  # height of the tip over the cutting edge
    belly: float  # bulge of the blade's back
    edge: float  # bulge of the cutting edge
    reach: float  # from the pivot back to the centre of the ring
    aside: float  # from the axis out to the centre of the ring
    long: float  # half axes of the ring
    wide: float
    band: float  # width of the ring's band
    shank: float  # width of the shank
    loop: str  # "ring", "oval", "teardrop" or "square"


def _draw_shape(rng: np.random.Generator) -> _Shape:
    loop = ("ring", "oval", "teardrop", "square")[rng.integers(4)]
    width = rng.uniform(0.045, 0.095)
    wide = rng.uniform(0.052, 0.078)
    stretch = rng.uniform(1.0, 1.25) if loop == "ring" else rng.uniform(1.25, 1.8)
    return _Shape(
        blade=rng.uniform(0.26, 0.40),
        width=width,
        tip=rng.uniform(0.0, 0.8) * width,
        belly=rng.uniform(-0.1, 0.35),
        edge=rng.uniform(-0.04, 0.02),
        reach=rng.uniform(0.18, 0.27),
        aside=wide * rng.uniform(1.0, 1.5),
        long=wide * stretch,
        wide=wide,
        band=rng.uniform(0.020, 0.036),
        shank=rng.uniform(0.030, 0.055),
        loop=loop,
    )


def _blade(shape: _Shape, blunt: bool) -> Polygon:
    below = -0.35 * shape.width
    above = 0.65 * shape.width
    tip = (shape.blade, below + 0.004 + shape.tip)
    back = geo.bezier(
        [
            (0.0, above),
            (0.4 * shape.blade, above * (1.0 + shape.belly)),
            (0.8 * shape.blade, above * 0.8),
            tip,
        ]
    )
    edge = geo.arc((0.0, below), (shape.blade, tip[1] - 0.004), shape.edge)
    blade = geo.between(back, edge)
    return geo.rounded(blade, 0.008) if blunt else blade


def _loop(shape: _Shape, start: tuple[float, float]) -> Polygon:
    center = np.array([-shape.reach, -shape.aside])
    along = center - np.asarray(start)
    angle = float(np.arctan2(along[1], along[0]))
    if shape.loop == "square":
        box = shapely.box(-shape.long, -shape.wide, shape.long, shape.wide)
        outer = geo.rounded(box, 0.5 * shape.wide)
        outer = shapely.affinity.translate(geo.rotated(outer, angle), center[0], center[1])
    else:
        outer = geo.ellipse(center, (shape.long, shape.wide), angle)
        if shape.loop == "teardrop":
            throat = center - along / np.linalg.norm(along) * 1.5 * shape.long
            outer = shapely.union_all([outer, geo.disc(throat, 0.7 * shape.band)]).convex_hull
    return geo.tidy(outer.difference(outer.buffer(-shape.band)))


def _half(
    rng: np.random.Generator,
    shape: _Shape,
    blunt: bool,
    thick: tuple[float, float],
    blade: Material,
    grip: Material,
) -> list[Piece]:
    """Return one half drawn closed, z as distance from the face where the halves meet."""
    sheet, body = thick
    center = (-shape.reach, -shape.aside)
    path = geo.bezier(
        [(0.0, 0.0), (-0.35 * shape.reach, 0.0), (-0.6 * shape.reach, -0.3 * shape.aside), center], count=15
    )
    inside = geo.ellipse(center, (shape.wide - 0.5 * shape.band,) * 2)
    hub = geo.disc((0.0, 0.1 * shape.width), 0.62 * shape.width)
    shank = geo.stroke(path[:11], [1.1 * shape.width, shape.shank, shape.shank])
    loop = _loop(shape, (float(path[6][0]), float(path[6][1])))
    shank_end = geo.stroke(path[5:], shape.shank)
    hole = shapely.union_all([Polygon(ring) for ring in loop.interiors])
    handle = geo.tidy(shapely.union_all([loop, shank_end.difference(inside)]).difference(hole))
    metal = geo.merge(_blade(shape, blunt), hub, shank.difference(hole))
    chamfer = rng.uniform(0.0, 0.3) * body
    axis = float(np.arctan2(-center[1], -center[0]))
    return [
        Piece(metal, 0.001, 0.001 + sheet, blade, rng.uniform(0.0, 0.3) * sheet, 0.0),
        Piece(handle, 0.0, body, grip, chamfer, axis),
    ]


@register_category(CATEGORY, split="train", view="top")
def scissors(rng: np.random.Generator) -> GeneratedObject:
    """Draw a pair of scissors.

    Args:
        rng: Source of every choice.

    Returns:
        The object, about 0.65 m long: link 0 the lower half, link 1 the upper one.
    """
    shape = _draw_shape(rng)
    other = replace(
        shape,
        long=shape.long * rng.uniform(0.85, 1.3),
        reach=shape.reach * rng.uniform(0.95, 1.12),
        blade=shape.blade * rng.uniform(0.94, 1.03),
        tip=shape.tip * rng.uniform(0.6, 1.2),
    )
    sheet = rng.uniform(0.008, 0.016)
    body = sheet + rng.uniform(0.003, 0.022)
    blunt = bool(rng.random() < 0.35)
    blades = textures.alike(rng, textures.metal if rng.random() < 0.6 else textures.any_material, 0.65)
    one_piece = rng.random() < 0.3
    grips = blades if one_piece else textures.alike(rng, textures.any_material, 0.6)
    halves = tuple(
        _half(rng, form, blunt, (sheet, body), blade, grip)
        for form, blade, grip in zip((shape, other), blades, grips, strict=True)
    )
    through = bool(rng.random() < 0.5)
    pin = textures.metal(rng) if rng.random() < 0.6 else blades[0 if through else 1]
    rivet = Rivet(rng.uniform(0.3, 0.45) * shape.width, rng.uniform(0.003, 0.007), pin, through)
    least, most = np.radians(rng.uniform(14.0, 26.0)), np.radians(rng.uniform(65.0, 105.0))
    opening = (float(least), between_angles(rng, least, most), float(most))
    notes: dict[str, str | float] = {"loop": shape.loop, "blades": blades[0].name, "grips": grips[0].name}
    return crossing(CATEGORY, "scissors half", (halves[0], halves[1]), rivet, opening, rng.random() < 0.5, notes)
