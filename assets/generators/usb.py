"""USB stick: a body with a metal plug, and a cover that swivels over the plug about a rivet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry import Polygon

from assets.generators import geometry as geo
from assets.generators import textures
from assets.generators.category import register_category
from assets.generators.model import GeneratedObject, Joint, Link, Material
from assets.generators.solids import CLEARANCE, Piece, Rivet, between_angles, moved, rivet_on, visuals

CATEGORY = "usb"

LABEL = 0.001
"""Height in metres of a label over the body."""


@dataclass(frozen=True)
class _Shape:
    """Measures in metres; the pivot is the origin, the body runs along +x and the plug beyond it."""

    body: str  # "rounded", "round", "tapered" or "waisted"
    length: float  # from the pivot to the plug
    back: float  # from the pivot to the body's end behind it
    width: float
    plug: float  # length of the plug
    tongue: float  # width of the plug
    height: float  # of the body
    sheet: float  # thickness of the cover
    cover: float  # width of the cover


def _draw_shape(rng: np.random.Generator) -> _Shape:
    width = rng.uniform(0.13, 0.20)
    return _Shape(
        body=("rounded", "round", "tapered", "waisted")[rng.integers(4)],
        length=rng.uniform(0.26, 0.36),
        back=width * rng.uniform(0.4, 0.8),
        width=width,
        plug=rng.uniform(0.08, 0.14),
        tongue=width * rng.uniform(0.55, 0.75),
        height=rng.uniform(0.020, 0.034),
        sheet=rng.uniform(0.008, 0.012),
        cover=width * rng.uniform(0.7, 1.12),
    )


def _body(rng: np.random.Generator, shape: _Shape) -> Polygon:
    """Return the outline of the body, perhaps with an eye for a lanyard behind the pivot."""
    half = 0.5 * shape.width
    if shape.body == "round":
        path = np.array([(half - shape.back, 0.0), (shape.length - 0.5 * half, 0.0)])
        outline = geo.stroke(path, [shape.width, shape.width])
        outline = geo.tidy(outline.intersection(shapely.box(-1.0, -1.0, shape.length, 1.0)))
    elif shape.body in ("tapered", "waisted"):
        front = half * rng.uniform(0.75, 0.9)
        middle = min(half, front) * 0.8 if shape.body == "waisted" else 0.5 * (half + front)
        x = (-shape.back, 0.5 * (shape.length - shape.back), shape.length)
        path = np.array([*geo.bezier([(x[0], half), (x[1], middle), (x[1], middle), (x[2], front)])])
        outline = geo.rounded(geo.between(path, path * (1.0, -1.0)), 0.25 * half)
    else:
        outline = geo.rounded(shapely.box(-shape.back, -half, shape.length, half), rng.uniform(0.1, 0.6) * half)
    if rng.random() < 0.5:
        outer = rng.uniform(0.2, 0.3) * shape.width
        at = (-shape.back - 0.4 * outer, 0.0)
        outline = geo.merge(outline, geo.disc(at, outer)).difference(geo.disc(at, 0.5 * outer))
    return geo.tidy(outline)


def _stick(rng: np.random.Generator, shape: _Shape, bottom: float, shell: Material, steel: Material) -> list[Piece]:
    """Return body, plug and label, the body from ``bottom`` upwards."""
    top = bottom + shape.height
    body = Piece(_body(rng, shape), bottom, top, shell, rng.uniform(0.0, 0.3) * shape.height)
    end, half = shape.length + shape.plug, 0.5 * shape.tongue
    low, high = bottom + 0.15 * shape.height, bottom + 0.8 * shape.height
    tongue = shapely.box(shape.length - 0.03, -half, end, half)
    windows = [geo.disc((shape.length + 0.5 * shape.plug, side * 0.5 * half), 0.2 * half) for side in (-1.0, 1.0)]
    square = [window.envelope for window in windows]
    pieces = [body, Piece(geo.tidy(tongue.difference(shapely.union_all(square))), low, high, steel)]
    dark = textures.coloured(rng) if rng.random() < 0.5 else steel
    inside = shapely.box(shape.length - 0.02, -0.9 * half, end - 0.004, 0.9 * half)
    pieces.append(Piece(inside, low + 0.002, high - 0.003, dark))  # seen through the windows
    if rng.random() < 0.5:
        label = shapely.box(0.35 * shape.length, -0.3 * shape.width, 0.85 * shape.length, 0.3 * shape.width)
        pieces.append(Piece(geo.rounded(label, 0.01), top - 0.003, top + LABEL, textures.coloured(rng)))
    return pieces


def _cover(
    rng: np.random.Generator, shape: _Shape, bottom: float, wraps: bool, cloth: Material
) -> tuple[list[Piece], str]:
    """Return the cover lying along +x, its upper sheet from ``bottom`` upwards, and its style."""
    reach = float(np.hypot(shape.length + shape.plug, 0.5 * shape.width)) + 0.004
    half = 0.5 * shape.cover
    style = ("square", "round", "tongue")[rng.integers(3)]
    web = rng.uniform(0.010, 0.018)
    end = reach + web if wraps else reach * rng.uniform(0.85, 1.05)
    path = np.array([(0.0, 0.0), (end - half, 0.0)])
    if style == "square":
        front = geo.rounded(shapely.box(0.0, -half, end, half), 0.15 * half)
        outline = geo.merge(geo.disc((0.0, 0.0), half, 6), front)
    elif style == "round":
        outline = geo.stroke(path, shape.cover)
    else:
        outline = geo.stroke(path, [shape.cover, 0.85 * shape.cover, shape.cover])
    top = bottom + shape.sheet
    sheet = outline
    if rng.random() < 0.35:  # a window, or a hole for a lanyard near the end
        hole = (
            geo.stroke(np.array([(0.4 * end, 0.0), (0.65 * end, 0.0)]), 0.7 * half)
            if rng.random() < 0.6
            else geo.disc((end - web - 0.5 * half, 0.0), 0.25 * half)
        )
        sheet = geo.tidy(outline.difference(hole))
    pieces = [Piece(sheet, bottom, top, cloth, rng.uniform(0.0, 0.4) * shape.sheet)]
    if wraps:
        beyond = outline.difference(geo.disc((0.0, 0.0), reach, 16))
        pieces.append(Piece(outline, 0.0, shape.sheet, cloth))
        pieces.append(Piece(geo.tidy(beyond), 0.002, top - 0.4 * shape.sheet, cloth))
    elif rng.random() < 0.3:  # ribs for the thumb
        places = [0.78 * end + i * 0.022 for i in range(3)]
        ribs = [shapely.box(x, -0.5 * half, x + 0.011, 0.5 * half) for x in places]
        pieces += [Piece(rib, top - 0.003, top + 0.004, cloth) for rib in ribs if sheet.contains(rib)]
    return pieces, style


@register_category(CATEGORY, split="train", view="top")
def usb(rng: np.random.Generator) -> GeneratedObject:
    """Draw a USB stick whose cover swivels.

    The cover is one flat sheet on top of the body, or wraps it from above and below, joined beyond the plug.

    Args:
        rng: Source of every choice.

    Returns:
        The object, about 0.5 m long when closed: link 0 the stick, link 1 the cover.
    """
    shape = _draw_shape(rng)
    wraps = bool(rng.random() < 0.55)
    steel, shell = textures.metal(rng), textures.any_material(rng)
    cloth = textures.metal(rng) if rng.random() < 0.5 else textures.any_material(rng)
    same = bool(rng.random() < 0.35)
    if same:  # colour must not always distinguish the parts
        cloth = shell
        steel = shell if rng.random() < 0.5 else steel
    bottom = shape.sheet + CLEARANCE if wraps else 0.0
    stick = _stick(rng, shape, bottom, shell, steel)
    start = bottom + shape.height + LABEL + CLEARANCE
    cover, style = _cover(rng, shape, start, wraps, cloth)
    radius = rng.uniform(0.12, 0.26) * shape.cover
    pin = cloth if same and rng.random() < 0.7 else textures.metal(rng)
    if wraps:
        top = start + shape.sheet
        cover.append(Piece(geo.disc((0.0, 0.0), radius), top - 0.003, top + 0.004, pin, 0.0015))
    else:
        stick, cover = rivet_on(Rivet(radius, 0.005, pin, bool(rng.random() < 0.5)), stick, cover)
    least, most = np.radians(rng.uniform(25.0, 50.0)), np.radians(rng.uniform(110.0, 175.0))
    drawn = between_angles(rng, float(least), float(most))
    sign = -1.0 if rng.random() < 0.5 else 1.0
    stick = [moved(piece, 0.0, mirror=sign < 0.0) for piece in stick]
    cover = [moved(piece, sign * drawn, mirror=sign < 0.0) for piece in cover]
    limits = sorted((sign * (float(least) - drawn), sign * (float(most) - drawn)))
    joint = Joint(0, 1, (0.0, 0.0, start), limits[0], limits[1])
    links = (Link("stick", visuals(stick)), Link("cover", visuals(cover)))
    notes: dict[str, str | float] = {
        "body": shape.body,
        "cover": f"{'wrapping' if wraps else 'flat'}, {style}",
        "materials": f"{shell.name}; {cloth.name}",
    }
    return GeneratedObject(CATEGORY, links, (joint,), notes)
