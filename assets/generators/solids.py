"""From outlined pieces to the visual meshes of a link; two crossing halves on one rivet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from shapely.geometry import Polygon

from assets.generators import geometry as geo
from assets.generators.model import GeneratedObject, Joint, Link, Material, Visual

CLEARANCE = 8e-4
"""Gap in metres between stacked links, and around a rivet in its hole."""


@dataclass(frozen=True)
class Piece:
    """A flat piece of a link: an outline between two heights.

    Attributes:
        outline: Outline in the xy plane, metres.
        bottom: z of its lower face, metres.
        top: z of its upper face, metres.
        material: Its surface.
        chamfer: Chamfer around the upper face, metres.
        grain: Direction of the texture, radians.
    """

    outline: Polygon
    bottom: float
    top: float
    material: Material
    chamfer: float = 0.0
    grain: float = 0.0


@dataclass(frozen=True)
class Rivet:
    """The pivot that shows on the upper of two stacked links.

    Attributes:
        radius: Radius of its head, metres.
        height: How far its head stands above the upper link, metres.
        material: Its surface.
        through: True if it belongs to the lower link and passes through a hole in the upper one.
    """

    radius: float
    height: float
    material: Material
    through: bool


def visuals(pieces: Sequence[Piece]) -> tuple[Visual, ...]:
    """Make one watertight mesh for each material among the pieces of a link.

    Args:
        pieces: The pieces; those of one material must touch or overlap to be one solid.

    Returns:
        The visuals, in order of first use of the materials.
    """
    groups: dict[int, list[Piece]] = {}
    for piece in pieces:
        groups.setdefault(id(piece.material), []).append(piece)
    result = []
    for group in groups.values():
        solids = [geo.slab(piece.outline, piece.bottom, piece.top, piece.chamfer) for piece in group]
        result.append(Visual(geo.join(solids), group[0].material, group[0].grain))
    return tuple(result)


def moved(piece: Piece, angle: float, about: Sequence[float] = (0.0, 0.0), mirror: bool = False) -> Piece:
    """Return a piece mirrored in the x axis where asked, then rotated by ``angle`` about a point."""
    outline = geo.mirrored(piece.outline) if mirror else piece.outline
    return replace(
        piece,
        outline=geo.rotated(outline, angle, about),
        grain=angle - piece.grain if mirror else angle + piece.grain,
    )


def rivet_on(rivet: Rivet, lower: Sequence[Piece], upper: Sequence[Piece]) -> tuple[list[Piece], list[Piece]]:
    """Put a rivet at the origin through two stacked links.

    Args:
        rivet: The rivet.
        lower: Pieces of the lower link.
        upper: Pieces of the upper link.

    Returns:
        The pieces of the lower and of the upper link, with the rivet in one of them and its hole, if any,
        in the other.
    """
    head = geo.disc((0.0, 0.0), rivet.radius)
    top = max(piece.top for piece in upper if piece.outline.intersects(head))
    seat = min(piece.top for piece in (lower if rivet.through else upper) if piece.outline.contains(head.centroid))
    low, high = list(lower), list(upper)
    if not rivet.through:
        high.append(Piece(head, seat - 0.003, top + rivet.height, rivet.material, 0.3 * rivet.height))
        return low, high
    shaft = 0.6 * rivet.radius
    hole = geo.disc((0.0, 0.0), shaft + CLEARANCE)
    high = [replace(piece, outline=geo.tidy(piece.outline.difference(hole))) for piece in high]
    low.append(Piece(geo.disc((0.0, 0.0), shaft), seat - 0.003, top + 0.5 * rivet.height, rivet.material))
    start = top + CLEARANCE
    low.append(Piece(head, start, start + rivet.height, rivet.material, 0.3 * rivet.height))
    return low, high


def crossing(
    category: str,
    part: str,
    halves: tuple[Sequence[Piece], Sequence[Piece]],
    rivet: Rivet,
    opening: tuple[float, float, float],
    mirror: bool,
    notes: dict[str, str | float],
) -> GeneratedObject:
    """Lay two halves over one another at the origin and rivet them.

    Args:
        category: Category of the object.
        part: Name of either half.
        halves: Pieces of the lower and of the upper half, both drawn closed with the working end along +x
            above the x axis and the grip along -x below it. ``bottom`` and ``top`` of a piece are its
            distances from the face where the halves meet.
        rivet: The pivot.
        opening: Smallest, drawn and largest opening angle, radians.
        mirror: True to mirror the whole object.
        notes: For the object's ``notes``.

    Returns:
        The object: link 0 the lower half, link 1 the upper one.
    """
    least, drawn, most = opening
    sign = -1.0 if mirror else 1.0
    face = max(piece.top for piece in halves[0])
    lower = [
        replace(moved(piece, sign * drawn / 2.0, mirror=mirror), bottom=face - piece.top, top=face - piece.bottom)
        for piece in halves[0]
    ]
    start = face + CLEARANCE
    upper = [
        replace(
            moved(piece, -sign * drawn / 2.0, mirror=not mirror),
            bottom=start + piece.bottom,
            top=start + piece.top,
        )
        for piece in halves[1]
    ]
    low, high = rivet_on(rivet, lower, upper)
    limits = sorted((-sign * (least - drawn), -sign * (most - drawn)))
    joint = Joint(0, 1, (0.0, 0.0, start), limits[0], limits[1])
    links = (Link(part, visuals(low)), Link(part, visuals(high)))
    return GeneratedObject(category, links, (joint,), {**notes, "rivet": "through" if rivet.through else "cap"})


def between_angles(rng: np.random.Generator, least: float, most: float) -> float:
    """Return a random angle in the inner part of a range, so that a joint's zero is not at its limit."""
    return float(rng.uniform(least + 0.1 * (most - least), most - 0.1 * (most - least)))
