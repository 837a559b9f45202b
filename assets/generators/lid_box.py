"""Open boxes of thin walls or wires: chests, cases, bins, tins, baskets; a lid on a hinge or in a groove, or a bail."""

from __future__ import annotations

import numpy as np
import shapely
import trimesh
from shapely.geometry import Polygon

from assets.generators import baking, casework, forms, textures
from assets.generators import geometry as geo
from assets.generators.casework import Finish
from assets.generators.category import register_category
from assets.generators.forms import Body
from assets.generators.model import GeneratedObject, Joint, Material
from assets.generators.solids import CLEARANCE

CATEGORY = "lid_box"
KINDS = ("chest", "chest", "case", "bin", "pair", "slide", "vault", "swivel", "bail", "bail")
WIRED = 0.2
"""Share of chests, bins and buckets whose walls are wires."""


def _outline(rng: np.random.Generator, width: float, depth: float) -> Polygon:
    """Return the plan of a box whose back, a straight edge, is at y = 0 and whose front is at y = -depth."""
    half = 0.5 * width
    kind = rng.integers(4)
    if kind == 0:
        return shapely.box(-half, -depth, half, 0.0)
    if kind == 1:
        return geo.rounded(shapely.box(-half, -depth, half, 0.0), rng.uniform(0.05, 0.3) * min(width, depth))
    if kind == 2:  # straight behind, round in front
        curve = geo.bezier(
            [(half, -0.3 * depth), (half, -1.15 * depth), (-half, -1.15 * depth), (-half, -0.3 * depth)], 12
        )
        return Polygon([(-half, 0.0), *curve[::-1], (half, 0.0)])
    cut = rng.uniform(0.1, 0.3) * width
    return Polygon(
        [
            (-half, 0.0),
            (-half, cut - depth),
            (cut - half, -depth),
            (half - cut, -depth),
            (half, cut - depth),
            (half, 0.0),
        ]
    )


def _tray(
    plan: Polygon, wall: float, low: float, high: float, floor: float, below: bool = True
) -> list[trimesh.Trimesh]:
    """Return the walls of a box between two heights, and its floor or, upside down, its ceiling."""
    hollow = geo.tidy(plan.difference(plan.buffer(-wall, join_style="mitre")))
    sheet = (low, low + floor) if below else (high - floor, high)
    return [geo.slab(hollow, low, high), geo.slab(plan, *sheet)]


def _fill(
    rng: np.random.Generator, body: Body, plan: Polygon, wall: float, low: float, high: float, shell: Material
) -> None:
    """Add what lies in a box: a lining, partitions, or things."""
    x0, y0, x1, y1 = plan.buffer(-wall).bounds
    kind = rng.integers(4)
    if kind == 1:
        body.add(textures.any_material(rng), geo.slab(plan.buffer(-wall - 0.001), low, low + 0.003))
    elif kind == 2:
        thin = rng.uniform(0.003, 0.008)
        top = low + rng.uniform(0.4, 0.9) * (high - low)
        for x in np.linspace(x0, x1, int(rng.integers(3, 5)))[1:-1]:
            body.add(shell, forms.block((x - thin, y0 + 0.02, low), (x + thin, y1, top)))
    elif kind == 3:
        for _ in range(int(rng.integers(1, 4))):
            x, y = rng.uniform(0.6 * x0, 0.6 * x1), rng.uniform(0.75 * y0, 0.4 * y0)
            half = rng.uniform(0.08, 0.2) * min(x1 - x0, y1 - y0)
            top = low + rng.uniform(0.2, 0.8) * (high - low)
            stuff = baking.panel(rng)
            body.add_baked(stuff, forms.block((x - half, y - half, low), (x + half, y + half, top)))


def _hinged(
    rng: np.random.Generator, part: str, plan: Polygon, wall: float, seat: float, look: Finish, vault: bool
) -> Body:
    """Return a closed lid: a sheet, a shallow box upside down or a vault, with a handle or a latch in front."""
    lid = Body(part)
    x0, y0, x1, _ = plan.bounds
    thin = rng.uniform(0.004, 0.012)
    high = rng.uniform(0.1, 0.5) * abs(y0) if rng.random() < 0.5 else 0.0
    if vault:
        turn = np.linspace(0.0, np.pi, 10)
        rise = rng.uniform(0.2, 0.5) * abs(y0)
        arch = np.column_stack([0.5 * y0 + 0.5 * y0 * np.cos(turn), seat + rise * np.sin(turn)])
        side = geo.tidy(Polygon(arch))
        ring = geo.tidy(side.difference(shapely.affinity.translate(side.buffer(-thin), 0.0, -thin)))
        lid.add(look.front, forms.upright_panel(ring, "x", x0, x1))
        for x in (x0, x1 - thin):
            lid.add(look.shell, forms.upright_panel(side, "x", x, x + thin))
        top = seat + rise
    elif high > 0.02:
        lid.add(look.front, *_tray(plan, wall, seat, seat + high, thin, below=False))
        top = seat + high
    else:
        over = plan.buffer(rng.uniform(0.0, 0.012), join_style="mitre")
        over = geo.tidy(over.intersection(shapely.box(x0 - 1.0, y0 - 1.0, x1 + 1.0, 0.0)))  # clear of the hinge
        sheet = geo.slab(over, seat, seat + thin, 0.3 * thin)
        (lid.add_baked if look.baked else lid.add)(look.front, sheet)
        top = seat + thin
    kind, middle = rng.integers(4), 0.5 * (x0 + x1)
    if kind == 0:
        casework.handle(rng, lid, (middle, seat + 0.4 * (top - seat)), y0, 0.6 * (x1 - x0), False, look)
    elif kind == 1 and not vault:  # a bow on top
        half, out = rng.uniform(0.1, 0.3) * (x1 - x0), rng.uniform(0.02, 0.05)
        corners = [
            (middle - half, 0.5 * y0, top),
            (middle - half, 0.5 * y0, top + out),
            (middle + half, 0.5 * y0, top + out),
            (middle + half, 0.5 * y0, top),
        ]
        lid.add(
            look.trim, forms.wire(forms.rounded_line(corners, 0.5 * out, steps=2), rng.uniform(0.003, 0.007), sides=5)
        )
    elif kind == 2:  # latches or straps
        for x in (0.3, -0.3) if rng.random() < 0.6 else (0.0,):
            wide = rng.uniform(0.01, 0.03)
            at = middle + x * (x1 - x0)
            lid.add(
                look.trim, forms.block((at - wide, y0 - 0.006, seat - 0.03), (at + wide, y0, seat + 0.5 * (top - seat)))
            )
    return lid


def _barrel(body: Body, x0: float, x1: float, y: float, z: float, radius: float, metal: Material) -> None:
    """Add the knuckles of a hinge behind a box."""
    third = (x1 - x0) / 3.0
    for a in (x0 + 0.2 * third, x1 - 0.8 * third):
        body.add(metal, forms.rod((a, y, z), (a + 0.6 * third, y, z), radius, 6))


def _grooved(
    rng: np.random.Generator, body: Body, plan: Polygon, wall: float, seat: float, look: Finish
) -> tuple[Body, Joint]:
    """Return a lid that slides along x over the box, and its joint."""
    x0, y0, x1, y1 = plan.bounds
    lid = Body("lid")
    thin = rng.uniform(0.004, 0.015)
    start = seat + CLEARANCE
    cover = shapely.box(x0, y0, x1, y1)
    (lid.add_baked if look.baked else lid.add)(look.front, geo.slab(cover, start, start + thin, 0.3 * thin))
    if rng.random() < 0.5:  # rails on the box, beside the lid
        for a, b in ((y0 - 0.012, y0 - 0.001), (y1 + 0.001, y1 + 0.012)):
            body.add(look.shell, forms.block((x0, a, seat - 0.02), (x1, b, start + thin + 0.004)))
    grip = x0 + rng.uniform(0.08, 0.2) * (x1 - x0)
    wide = rng.uniform(0.1, 0.3) * (y1 - y0)
    middle = 0.5 * (y0 + y1)
    lid.add(look.trim, forms.block((grip, middle - wide, start), (grip + 0.02, middle + wide, start + thin + 0.012)))
    sign = 1.0 if rng.random() < 0.5 else -1.0
    most = rng.uniform(0.5, 0.85) * (x1 - x0)
    return lid, Joint(0, 1, (0.0, middle, start), 0.0, float(most), (sign, 0.0, 0.0), "prismatic")


def _swivelling(rng: np.random.Generator, plan: Polygon, seat: float, look: Finish) -> tuple[Body, Joint]:
    """Return a flat lid that turns about a pin in a corner, and its joint."""
    x0, y0, x1, y1 = plan.bounds
    lid = Body("lid")
    thin = rng.uniform(0.004, 0.015)
    start = seat + CLEARANCE
    (lid.add_baked if look.baked else lid.add)(look.front, geo.slab(plan, start, start + thin, 0.3 * thin))
    inset = 0.08 * min(x1 - x0, y1 - y0)
    sign = 1.0 if rng.random() < 0.5 else -1.0
    pivot = ((x0 + inset) if sign > 0.0 else (x1 - inset), y1 - inset)
    head = [(0.6 * inset, 0.0), (0.6 * inset, thin + 0.006)]
    lid.add(look.trim, forms.turned(head, (*pivot, start), sides=8))
    most = float(np.radians(rng.uniform(60.0, 150.0)))
    lower, upper = sorted((0.0, sign * most))
    return lid, Joint(0, 1, (*pivot, start), lower, upper)


def _basket(rng: np.random.Generator, plan: Polygon, height: float) -> list[trimesh.Trimesh]:
    """Return the wires of a basket: loops above each other, uprights, a floor of parallel wires."""
    gauge = rng.uniform(0.003, 0.009)
    ring = np.array(plan.buffer(-gauge).simplify(0.006).exterior.coords)[:-1]
    levels = np.linspace(gauge, height - gauge, int(rng.integers(2, 6)))
    wires = [forms.wire(np.column_stack([ring, np.full(len(ring), z)]), gauge, True, 5) for z in levels]
    border = shapely.LinearRing(ring)
    for share in np.linspace(0.0, 1.0, int(rng.integers(8, 20)), endpoint=False):
        place = border.interpolate(share, normalized=True)
        wires.append(forms.rod((place.x, place.y, gauge), (place.x, place.y, height - gauge), 0.8 * gauge, 4))
    x0, y0, x1, y1 = plan.bounds
    for y in np.linspace(y0, y1, int(rng.integers(4, 9)))[1:-1]:
        across = shapely.LineString([(x0, y), (x1, y)]).intersection(plan.buffer(-gauge))
        (a, _), (b, _) = across.coords[0], across.coords[-1]
        wires.append(forms.rod((a, y, gauge), (b, y, gauge), 0.8 * gauge, 4))
    return wires


def _bail(rng: np.random.Generator, plan: Polygon, height: float, look: Finish) -> tuple[Body, Joint]:
    """Return a handle of wire that swings over a bucket, drawn upright, and its joint."""
    x0, y0, x1, y1 = plan.bounds
    bail = Body("bail")
    gauge = rng.uniform(0.003, 0.011)
    middle, low = 0.5 * (y0 + y1), height - rng.uniform(0.012, 0.03)
    rise = rng.uniform(0.5, 1.1) * abs(y0)
    left, right = x0 - gauge - CLEARANCE, x1 + gauge + CLEARANCE
    corners = [(left, middle, low), (left, middle, low + rise), (right, middle, low + rise), (right, middle, low)]
    arch = forms.rounded_line(corners, rng.uniform(0.02, 0.5 * (right - left)), steps=5)
    bail.add(look.trim, forms.wire(arch, gauge, sides=6))
    if rng.random() < 0.5:
        half, top = rng.uniform(0.08, 0.2) * (x1 - x0), float(arch[:, 2].max())
        bail.add(textures.any_material(rng), forms.rod((-half, middle, top), (half, middle, top), 2.2 * gauge, 8))
    most = float(np.radians(rng.uniform(50.0, 72.0)))
    return bail, Joint(0, 1, (0.0, middle, low), -most, most, (1.0, 0.0, 0.0))


def _lids(
    rng: np.random.Generator, kind: str, box: Body, plan: Polygon, wall: float, height: float, look: Finish
) -> list[tuple[Body, Joint]]:
    """Return what moves on a box of some kind, closed, and its joints."""
    x0, y0, x1, _ = plan.bounds
    seat, most = height + 0.001, float(np.radians(rng.uniform(85.0, 130.0)))
    if kind == "slide":
        return [_grooved(rng, box, plan, wall, height, look)]
    if kind == "swivel":
        return [_swivelling(rng, plan, height, look)]
    if kind == "bail":
        return [_bail(rng, plan, height, look)]
    if kind == "pair":  # a lid on either side
        moving = []
        for i, (edge, half) in enumerate(((x1, (0.001, x1)), (x0, (x0, -0.001))), start=1):
            lid = _hinged(rng, "lid", shapely.box(half[0], y0, half[1], 0.0), wall, seat, look, False)
            lower, upper = sorted((0.0, most if edge > 0.0 else -most))
            moving.append((lid, Joint(0, i, (edge, 0.0, seat), lower, upper, (0.0, 1.0, 0.0))))
        return moving
    if kind == "case":  # two halves alike, opened flat
        most = float(np.radians(rng.uniform(120.0, 175.0)))
        lid = Body("lid")
        lid.add(look.front, *_tray(plan, wall, seat, seat + height * rng.uniform(0.6, 1.0), 0.6 * wall, below=False))
    else:
        lid = _hinged(rng, "lid", plan, wall, seat, look, kind == "vault")
    radius = rng.uniform(0.004, 0.01)
    _barrel(box, x0, x1, radius, seat, radius, look.trim)
    return [(lid, Joint(0, 1, (0.0, radius, seat), -most, 0.0, (1.0, 0.0, 0.0)))]


@register_category(CATEGORY, split="mix")
def lid_box(rng: np.random.Generator) -> GeneratedObject:
    """Draw a box and its lid or lids.

    Args:
        rng: Source of every choice.

    Returns:
        The object, about 0.5 m wide: link 0 the box, open inside, then its closed lids. Its front looks towards -y.
    """
    kind = KINDS[rng.integers(len(KINDS))]
    width, depth = rng.uniform(0.3, 0.55), rng.uniform(0.2, 0.4)
    height = rng.uniform(0.4, 0.65) if kind == "bin" else rng.uniform(0.06, 0.3)
    if kind == "bin":
        width, depth = rng.uniform(0.25, 0.35), rng.uniform(0.22, 0.35)
    wall, floor = rng.uniform(0.004, 0.015), rng.uniform(0.004, 0.012)
    look = casework.finish(rng)
    box = Body("box")
    plan = (
        shapely.box(-0.5 * width, -depth, 0.5 * width, 0.0)
        if kind in ("vault", "pair", "slide", "bail")
        else _outline(rng, width, depth)
    )
    wired = kind in ("chest", "bin", "bail") and rng.random() < WIRED
    if wired:
        box.add(look.trim, *_basket(rng, plan, height))
    else:
        box.add(look.shell, *_tray(plan, wall, 0.0, height, floor))
        _fill(rng, box, plan, wall, floor - 0.001, height, look.shell)
    if rng.random() < 0.4 and not wired:
        front = (-0.3 * width, 0.2 * height, 0.3 * width, 0.8 * height)
        casework.handle(rng, box, (0.0, 0.5 * height), -depth, front[2] - front[0], False, look)
    moving = _lids(rng, kind, box, plan, wall, height, look)
    links = tuple(one.link() for one in (box, *(lid for lid, _ in moving)))
    notes: dict[str, str | float] = {
        "kind": f"{kind}{', wired' if wired else ''}",
        "materials": f"{look.shell.name}; {look.front.name}",
    }
    return GeneratedObject(CATEGORY, links, tuple(joint for _, joint in moving), notes)
