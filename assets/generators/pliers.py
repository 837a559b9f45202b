"""Pliers: two crossing arms with short jaws and long grips on a rivet."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from shapely.geometry import Polygon

from assets.generators import geometry as geo
from assets.generators import textures
from assets.generators.category import register_category
from assets.generators.model import GeneratedObject, Material
from assets.generators.solids import Piece, Rivet, between_angles, crossing

CATEGORY = "pliers"


@dataclass(frozen=True)
class _Shape:
    """Measures of one half, metres."""

    jaw: str  # "needle", "flat", "cutter" or "pincer"
    reach: float  # length of the jaw from the pivot
    height: float  # height of the jaw at the pivot
    tip: float  # height of the jaw at its tip
    hub: float  # radius of the joint
    grip: float  # length of the grip from the pivot
    aside: float  # how far out the grip ends
    belly: float  # how far out the grip bows, as a share of ``aside``
    width: float  # width of the grip
    flare: float  # width of the grip's end as a share of ``width``


def _draw_shape(rng: np.random.Generator) -> _Shape:
    jaw = ("needle", "flat", "cutter", "pincer")[rng.integers(4)]
    reach = {"needle": (0.18, 0.26), "flat": (0.13, 0.19), "cutter": (0.09, 0.13), "pincer": (0.10, 0.14)}[jaw]
    tip = {
        "needle": (0.014, 0.022),
        "flat": (0.024, 0.036),
        "cutter": (0.008, 0.014),
        "pincer": (0.012, 0.02),
    }[jaw]
    hub = rng.uniform(0.042, 0.065)
    return _Shape(
        jaw=jaw,
        reach=rng.uniform(*reach),
        height=hub * rng.uniform(0.8, 1.05),
        tip=rng.uniform(*tip),
        hub=hub,
        grip=rng.uniform(0.34, 0.46),
        aside=rng.uniform(0.045, 0.10),
        belly=rng.uniform(0.5, 1.6),
        width=rng.uniform(0.032, 0.052),
        flare=rng.uniform(0.7, 1.25),
    )


def _jaw(shape: _Shape) -> Polygon:
    x, h, t = shape.reach, shape.height, shape.tip
    start = (-0.3 * shape.hub, h)
    if shape.jaw == "pincer":
        bow = geo.bezier([(0.0, 0.6 * h), (0.3 * x, 1.9 * h), (1.05 * x, 1.9 * h), (x, 0.5 * t)], count=12)
        return geo.stroke(bow, [1.1 * h, 0.8 * h, t])
    if shape.jaw == "cutter":
        back = geo.bezier([start, (0.5 * x, 1.25 * h), (0.95 * x, 1.1 * h), (x, t)])
    else:
        back = geo.bezier([start, (0.35 * x, h), (0.6 * x, t + 0.35 * (h - t)), (x, t)])
    jaw = geo.between(back, geo.arc((-0.3 * shape.hub, 0.001), (x, 0.001), 0.0))
    return geo.rounded(jaw, 0.004)


def _half(rng: np.random.Generator, shape: _Shape, thick: float, steel: Material, sleeve: Material) -> list[Piece]:
    """Return one half drawn closed, z as distance from the face where the halves meet."""
    end = (-shape.grip, -shape.aside)
    out = -shape.aside * shape.belly
    path = geo.bezier([(0.0, 0.0), (-0.25 * shape.grip, out), (-0.6 * shape.grip, out), end], count=16)
    widths = [1.3 * shape.hub, shape.width, 0.9 * shape.width, shape.width * shape.flare]
    arm = geo.merge(geo.disc((0.0, 0.0), shape.hub), _jaw(shape), geo.stroke(path, widths))
    grain = float(np.arctan2(shape.aside, shape.grip))
    pieces = [Piece(arm, 0.002, 0.002 + thick, steel, rng.uniform(0.0, 0.25) * thick, grain)]
    if sleeve is not steel:
        start = int(rng.integers(5, 8))
        cover = geo.stroke(path[start:], [1.25 * shape.width, 1.25 * shape.width, 1.2 * shape.width * shape.flare])
        pieces.append(Piece(cover, 0.0, thick + 0.005, sleeve, rng.uniform(0.1, 0.3) * thick, grain))
    return pieces


@register_category(CATEGORY, split="test", view="top")
def pliers(rng: np.random.Generator) -> GeneratedObject:
    """Draw a pair of pliers.

    Args:
        rng: Source of every choice.

    Returns:
        The object, about 0.6 m long: link 0 the lower half, link 1 the upper one.
    """
    shape = _draw_shape(rng)
    other = replace(shape, grip=shape.grip * rng.uniform(0.96, 1.04), tip=shape.tip * rng.uniform(0.9, 1.1))
    thick = rng.uniform(0.012, 0.026)
    steels = textures.alike(rng, textures.metal if rng.random() < 0.6 else textures.any_material, 0.65)
    bare = rng.random() < 0.3
    sleeves = steels if bare else textures.alike(rng, textures.coloured, 0.65)
    halves = tuple(
        _half(rng, form, thick, steel, sleeve)
        for form, steel, sleeve in zip((shape, other), steels, sleeves, strict=True)
    )
    through = bool(rng.random() < 0.5)
    pin = textures.metal(rng) if rng.random() < 0.6 else steels[0 if through else 1]
    rivet = Rivet(rng.uniform(0.3, 0.6) * shape.hub, rng.uniform(0.003, 0.008), pin, through)
    least, most = np.radians(rng.uniform(8.0, 18.0)), np.radians(rng.uniform(45.0, 70.0))
    opening = (float(least), between_angles(rng, least, most), float(most))
    notes: dict[str, str | float] = {"jaw": shape.jaw, "arms": steels[0].name, "grips": sleeves[0].name}
    return crossing(CATEGORY, "pliers half", (halves[0], halves[1]), rivet, opening, rng.random() < 0.5, notes)
