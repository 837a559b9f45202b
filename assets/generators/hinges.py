"""Hinges at the edge of two bodies of one layer: knuckles that interleave, and doors that swing on lugs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely

from assets.generators import geometry as geo
from assets.generators import textures
from assets.generators.model import Material
from assets.generators.solids import CLEARANCE, Piece

SEAM = 0.003
"""Gap in metres between a closed door or lid and the body."""


def knuckles(
    radius: float, split: float, height: float, lower: Sequence[Piece], upper: Sequence[Piece]
) -> tuple[list[Piece], list[Piece]]:
    """Hinge two bodies at the origin: one has the knuckle below a height, the other the one above it.

    Args:
        radius: Radius of the knuckles, metres.
        split: z where the lower knuckle ends, metres.
        height: z where the upper one ends.
        lower: Pieces of the body with the lower knuckle, the first its main one, which comes within
            `CLEARANCE` of the origin.
        upper: Likewise of the body with the upper knuckle.

    Returns:
        The pieces of both bodies with their knuckles; both are clear of the other's.
    """
    room = geo.disc((0.0, 0.0), radius + CLEARANCE)
    result = []
    for pieces, (bottom, top) in ((lower, (0.0, split)), (upper, (split + CLEARANCE, height))):
        arm = pieces[0].outline.intersection(geo.disc((0.0, 0.0), 1.7 * radius))
        outline = geo.merge(geo.disc((0.0, 0.0), radius), arm)
        cut = [
            replace(piece, outline=geo.tidy(piece.outline.difference(room)))
            if piece.outline.intersects(room)
            else piece
            for piece in pieces
        ]
        result.append([*cut, Piece(outline, bottom, top, pieces[0].material, grain=pieces[0].grain)])
    return result[0], result[1]


@dataclass(frozen=True)
class Door:
    """Measures of a door seen from above, metres. Closed it runs from its hinge at the origin along +x.

    Attributes:
        length: From the hinge to the free end.
        thick: Thickness; the closed door fills y from ``-thick / 2`` to ``thick / 2``.
        bottom: z of its lower face, just above the body's lug.
        top: z of its upper face.
    """

    length: float
    thick: float
    bottom: float
    top: float

    @property
    def front(self) -> float:
        """The y where the body's front may begin."""
        return 0.5 * self.thick + SEAM

    @property
    def swing(self) -> float:
        """How much farther than ``length`` the corners of the free end reach."""
        return float(np.hypot(self.length, 0.5 * self.thick)) - self.length

    def pieces(self, rng: np.random.Generator, slab: Material, trim: Material) -> list[Piece]:
        """Draw the closed door with a handle near its free end.

        Args:
            rng: Source of every choice.
            slab: Material of the door.
            trim: Material of the handle, and of the front where that differs.
        """
        half, length = 0.5 * self.thick, self.length
        end = geo.disc((0.0, 0.0), half)
        outline = geo.rounded(geo.merge(end, shapely.box(0.0, -half, length, half)), 0.004)
        door = [Piece(outline, self.bottom, self.top, slab, rng.uniform(0.0, 0.004))]
        if rng.random() < 0.5:
            face = shapely.box(1.1 * half, -half, 0.985 * length, rng.uniform(-0.6, -0.1) * half)
            door.append(Piece(face, self.bottom + 0.002, self.top + 0.002, trim))
        reach = rng.uniform(0.022, 0.042)
        low = self.bottom + rng.uniform(0.1, 0.3) * (self.top - self.bottom)
        high = self.top - rng.uniform(0.02, 0.2) * (self.top - self.bottom)
        far = rng.uniform(0.9, 0.96) * length
        kind = rng.integers(3)
        if kind == 0:  # upright: only its end shows from above
            grip = shapely.box(far - rng.uniform(0.02, 0.035), -half - reach, far, 0.004 - half)
        elif kind == 1:  # along the door, on two posts
            near = far - rng.uniform(0.25, 0.5) * length
            grip = shapely.box(near, -half - reach, far, 0.004 - half)
            grip = grip.difference(shapely.box(near + 0.012, 0.014 - half - reach, far - 0.012, 0.0))
        else:
            grip = geo.disc((far - 0.02, -half - 0.4 * reach), max(0.018, 0.5 * reach))
        door.append(Piece(geo.tidy(grip), low, high, trim))
        return door

    def lugs(self, rng: np.random.Generator, material: Material, height: float) -> list[Piece]:
        """Draw what carries the door: a lug of the body below the hinge and, where there is room, one above.

        Args:
            rng: Source of every choice.
            material: Material of the body.
            height: Height of the body, metres.
        """
        radius = rng.uniform(0.3, 0.45) * self.thick
        arm = shapely.box(-radius, 0.0, radius, self.front + 0.012)
        outline = geo.merge(geo.disc((0.0, 0.0), radius), arm)
        lugs = [Piece(outline, 0.0, self.bottom - CLEARANCE, material)]
        if height - self.top > 0.008:  # a trim on the door may stand 2 mm above it, but not at the hinge
            lugs.append(Piece(outline, self.top + CLEARANCE, height, material))
        return lugs


def swing_angles(rng: np.random.Generator) -> tuple[float, float]:
    """Return the smallest and the largest opening of a door, radians."""
    return float(np.radians(rng.uniform(3.0, 18.0))), float(np.radians(rng.uniform(95.0, 130.0)))


def door_materials(rng: np.random.Generator) -> tuple[Material, Material, Material]:
    """Return the materials of a body, of its door and of trims; in half of the draws body and door are alike."""
    body, door = textures.alike(rng, textures.any_material, 0.5)
    return body, door, textures.any_material(rng)
