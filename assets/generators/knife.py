"""Folding knife: a blade that rotates out of a handle about a pivot near the handle's end."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import shapely
from shapely.geometry import Polygon

from assets.generators import geometry as geo
from assets.generators import textures
from assets.generators.category import register_category
from assets.generators.model import GeneratedObject, Joint, Link, Material
from assets.generators.solids import CLEARANCE, Piece, Rivet, between_angles, moved, rivet_on, visuals

CATEGORY = "knife"


@dataclass(frozen=True)
class _Shape:
    """Measures in metres; the handle runs from the pivot along -x, the open blade along +x."""

    blade: str  # "drop", "straight", "tanto", "sheepsfoot" or "leaf"
    length: float  # of the blade
    width: float  # of the blade
    tang: float  # radius of the blade's end around the pivot
    handle: float  # length of the handle
    front: float  # widths of the handle at the pivot, the waist and the butt
    waist: float
    butt: float
    bend: float  # bulge of the handle's axis
    grooves: int  # dents for the fingers


def _draw_shape(rng: np.random.Generator) -> _Shape:
    width = rng.uniform(0.048, 0.09)
    front = width * rng.uniform(1.1, 1.45)
    handle = rng.uniform(0.30, 0.42)
    return _Shape(
        blade=("drop", "straight", "tanto", "sheepsfoot", "leaf")[rng.integers(5)],
        length=handle * rng.uniform(0.72, 0.98),
        width=width,
        tang=0.46 * width,
        handle=handle,
        front=front,
        waist=front * rng.uniform(0.75, 1.1),
        butt=front * rng.uniform(0.7, 1.25),
        bend=rng.uniform(-0.1, 0.1),
        grooves=int(rng.integers(2, 5)) if rng.random() < 0.3 else 0,
    )


def _blade(shape: _Shape) -> tuple[Polygon, Polygon]:
    """Return the whole blade, open along +x with its cutting edge below, and its ground strip."""
    x, half = shape.length, 0.5 * shape.width
    heel = (0.9 * shape.tang, half)
    if shape.blade == "drop":
        back = geo.bezier([heel, (0.5 * x, 1.05 * half), (0.85 * x, 0.8 * half), (x, -0.1 * half)])
        edge = geo.bezier([(heel[0], -half), (0.5 * x, -half), (0.85 * x, -half), (x, -0.1 * half)])
    elif shape.blade == "straight":
        back = geo.bezier([heel, (0.4 * x, half), (0.7 * x, half), (x, 0.9 * half)])
        edge = geo.bezier([(heel[0], -half), (0.5 * x, -1.1 * half), (0.85 * x, -half), (x, 0.9 * half)])
    elif shape.blade == "tanto":
        back = np.array([heel, (0.6 * x, half), (x, 0.5 * half)])
        edge = np.array([(heel[0], -half), (0.8 * x, -half), (x, 0.5 * half)])
    elif shape.blade == "sheepsfoot":
        back = geo.bezier([heel, (0.7 * x, half), (0.97 * x, half), (x, -half)])
        edge = geo.arc((heel[0], -half), (x, -half), 0.0)
    else:
        back = geo.bezier([heel, (0.35 * x, 0.6 * half), (0.7 * x, 1.5 * half), (x, 0.0)])
        edge = geo.bezier([(heel[0], -half), (0.35 * x, -0.6 * half), (0.7 * x, -1.5 * half), (x, 0.0)])
    flat = geo.between(back, edge)
    strip = geo.tidy(flat.intersection(geo.line(np.vstack([edge, edge[-1:] + 0.01]), 0.5 * shape.width)))
    root = geo.stroke(np.array([(0.0, 0.0), (1.3 * shape.tang, 0.0)]), [2.0 * shape.tang, 1.9 * shape.tang])
    return geo.merge(flat, root), strip


def _blade_pieces(
    rng: np.random.Generator, shape: _Shape, z: tuple[float, float], steel: Material, free_above: bool
) -> list[Piece]:
    """Return the open blade between two heights; nothing stands above it unless ``free_above``."""
    bottom, top = z
    whole, strip = _blade(shape)
    if rng.random() < 0.4:
        return [Piece(whole, bottom, top, steel, rng.uniform(0.0, 0.35) * (top - bottom))]
    low = bottom + 0.25 * (top - bottom)
    high = bottom + 0.7 * (top - bottom)
    ground = textures.metal(rng) if rng.random() < 0.5 else steel
    body = geo.tidy(whole.difference(strip))
    strip = geo.tidy(strip.buffer(0.004).intersection(whole))  # its inner border runs inside the body
    pieces = [Piece(body, bottom, top, steel), Piece(strip, low, high, ground)]
    if rng.random() < 0.4:  # a stud or a hole to open it with the thumb
        spot = geo.disc((1.9 * shape.tang + 0.01, 0.22 * shape.width), 0.12 * shape.width)
        if free_above:
            pieces.append(Piece(spot, top - 0.002, top + 0.005, steel))
        else:
            pieces[0] = replace(pieces[0], outline=geo.tidy(body.difference(spot)))
    return pieces


def _handle(shape: _Shape) -> tuple[Polygon, np.ndarray]:
    path = geo.arc((0.0, 0.0), (-shape.handle, 0.0), shape.bend, count=14)
    outline = geo.stroke(path, [shape.front, shape.waist, shape.waist, shape.butt])
    if shape.grooves:  # for the fingers, along the side the blade folds to
        width = shape.handle / (shape.grooves + 2)
        places = [-(i + 1.4) * width for i in range(shape.grooves)]
        depth = 0.16 * shape.waist
        dents = [geo.ellipse((x, _edge(outline, x)), (0.42 * width, depth)) for x in places]
        outline = geo.tidy(outline.difference(shapely.union_all(dents)))
    return outline, path


def _edge(outline: Polygon, x: float) -> float:
    """Return the y of the upper border of an outline at ``x``."""
    return float(outline.intersection(shapely.box(x - 1e-4, -1.0, x + 1e-4, 1.0)).bounds[3])


def _trim(
    rng: np.random.Generator, shape: _Shape, outline: Polygon, path: np.ndarray, top: float, scale: Material
) -> list[Piece]:
    """Return what lies on the handle: pins, an inlay or a bolster, or nothing."""
    kind = ("none", "pins", "inlay", "bolster")[rng.integers(4)]
    if kind == "none":
        return []
    material = scale if rng.random() < 0.3 else textures.any_material(rng)
    if kind == "pins":
        radius = rng.uniform(0.08, 0.16) * shape.waist
        return [Piece(geo.disc(path[i], radius), top - 0.004, top + 0.002, material) for i in (5, 9, 12)]
    if kind == "inlay":
        inlay = geo.stroke(path[4:12], rng.uniform(0.35, 0.55) * shape.waist)
        return [Piece(inlay, top - 0.004, top + 0.002, material)]
    edge = -rng.uniform(0.75, 1.2) * shape.front
    front = geo.tidy(outline.buffer(0.0015).intersection(shapely.box(edge, -1.0, 1.0, 1.0)))
    return [Piece(front, 0.001, top + 0.0015, material, 0.002)]


@register_category(CATEGORY, split="train", view="top")
def knife(rng: np.random.Generator) -> GeneratedObject:
    """Draw a folding knife.

    The blade rotates between two scales held apart along the back of the handle, or on top of a solid handle.

    Args:
        rng: Source of every choice.

    Returns:
        The object, about 0.65 m long when open: link 0 the handle, link 1 the blade.
    """
    shape = _draw_shape(rng)
    sandwich = bool(rng.random() < 0.65)
    steel, scale = textures.metal(rng), textures.any_material(rng)
    if rng.random() < 0.4:  # colour must not always distinguish the parts
        steel = scale = textures.any_material(rng)
    outline, path = _handle(shape)
    sheet = rng.uniform(0.008, 0.014)
    side = rng.uniform(0.006, 0.013)
    bottom = side + CLEARANCE if sandwich else 2.0 * side + CLEARANCE
    top = bottom + sheet
    chamfer = rng.uniform(0.0, 0.5) * side
    if sandwich:
        back = geo.tidy(shapely.box(-1.0, -1.0, -1.6 * shape.tang, 1.0).intersection(outline))
        room = shapely.affinity.translate(outline, 0.0, rng.uniform(0.25, 0.4) * shape.waist)
        spine = geo.tidy(back.difference(room))
        liner = scale if rng.random() < 0.6 else textures.metal(rng)
        lid = top + CLEARANCE
        handle = [
            Piece(outline, 0.0, side, scale),
            Piece(outline, lid, lid + side, scale, chamfer),
            Piece(spine, side - 0.002, lid + 0.002, liner),
        ]
        if liner is not scale:  # the scales themselves must be one solid
            post = geo.stroke(path[11:13], 0.3 * shape.butt)
            handle.append(Piece(post, side - 0.002, lid + 0.002, scale))
        crown = lid + side
    else:
        handle = [Piece(outline, 0.0, 2.0 * side, scale, chamfer)]
        crown = 2.0 * side
    trim = _trim(rng, shape, outline, path, crown, scale)
    if sandwich:  # a bolster must leave the blade's gap open
        trim = [replace(piece, bottom=max(piece.bottom, crown - side + 0.001)) for piece in trim]
    elif trim and trim[0].bottom < 0.002:
        trim = []
    handle += trim
    least, most = np.radians(rng.uniform(0.0, 25.0)), np.radians(rng.uniform(100.0, 140.0))
    drawn = between_angles(rng, float(least), float(most))
    blade = _blade_pieces(rng, shape, (bottom, top), steel, not sandwich)
    pin = textures.metal(rng) if rng.random() < 0.6 else scale
    radius = rng.uniform(0.16, 0.26) * shape.width
    through = bool(rng.random() < 0.5)
    if sandwich:
        handle.append(Piece(geo.disc((0.0, 0.0), radius), crown - 0.004, crown + 0.004, pin, 0.0015))
    else:
        rivet = Rivet(radius, 0.004, pin if through else steel, through)
        handle, blade = rivet_on(rivet, handle, blade)
    mirror = bool(rng.random() < 0.5)
    sign = -1.0 if mirror else 1.0
    handle = [moved(piece, 0.0, mirror=mirror) for piece in handle]
    blade = [moved(piece, sign * drawn, mirror=mirror) for piece in blade]
    limits = sorted((sign * (float(least) - drawn), sign * (float(most) - drawn)))
    joint = Joint(0, 1, (0.0, 0.0, bottom), limits[0], limits[1])
    links = (Link("handle", visuals(handle)), Link("blade", visuals(blade)))
    notes: dict[str, str | float] = {
        "blade": shape.blade,
        "handle": "scales" if sandwich else "solid",
        "materials": f"{steel.name}; {scale.name}",
    }
    return GeneratedObject(CATEGORY, links, (joint,), notes)
