"""Things that turn on a stand: wheels and fans, knobs in a panel, taps, lamps with an arm, chairs, globes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import shapely
from shapely import affinity

from assets.generators import baking, casework, forms, textures
from assets.generators import geometry as geo
from assets.generators.category import register_category
from assets.generators.forms import Body
from assets.generators.model import GeneratedObject, Joint, Material
from assets.generators.solids import CLEARANCE

CATEGORY = "rotor"
Made = tuple[list[Body], list[Joint]]


def _skin(rng: np.random.Generator) -> Material:
    """Return a material, a plain one in half of the draws."""
    return casework.plain(rng) if rng.random() < 0.5 else textures.any_material(rng)


def _turn(
    rng: np.random.Generator, child: int, at: tuple[float, float, float], endless: float, parent: int = 0
) -> Joint:
    """Return an upright axis, without limits with probability ``endless``."""
    if rng.random() < endless:
        return Joint(parent, child, at, 0.0, 0.0, type="continuous")
    wide, share = rng.uniform(1.2, 2.5), rng.uniform(0.1, 0.9)
    return Joint(parent, child, at, float(-share * wide), float((1.0 - share) * wide))


def _base(rng: np.random.Generator, reach: float, high: float, skin: Material) -> Body:
    """Return a flat base of some outline about the origin."""
    body = Body("base")
    kind = rng.integers(5)
    if kind == 0:
        outline = geo.disc((0.0, 0.0), reach, 5)
    elif kind == 1:
        w, d = reach * rng.uniform(0.7, 1.2, 2)
        outline = forms.box_outline(-w, -d, w, d, rng.uniform(0.0, 0.3) * min(w, d))
    elif kind == 2:
        count = int(rng.integers(3, 6))
        arms = [(np.cos(a), np.sin(a)) for a in np.arange(count) * 2.0 * np.pi / count]
        wide = rng.uniform(0.1, 0.25) * reach
        outline = geo.merge(*(geo.stroke(np.array([(0.0, 0.0), np.multiply(arm, reach)]), wide) for arm in arms))
    elif kind == 3:
        outline = geo.tidy(geo.disc((0.0, 0.0), reach, 5).difference(geo.disc((0.3 * reach, 0.0), 0.4 * reach)))
    else:
        outline = affinity.translate(
            forms.box_outline(-reach, -0.4 * reach, reach, 0.4 * reach, 0.05), 0.5 * reach, 0.0
        )
    mesh = geo.slab(outline, 0.0, high, 0.2 * high)
    (body.add_baked if skin.name.startswith("baked") else body.add)(skin, mesh)
    return body


def _wheel(rng: np.random.Generator) -> Made:
    """A wheel with spokes, a fan or a cross of a tap that turns over a base."""
    skin = baking.panel(rng) if rng.random() < 0.3 else _skin(rng)
    reach = rng.uniform(0.18, 0.32)
    high = rng.uniform(0.01, 0.06)
    base = _base(rng, reach * rng.uniform(0.4, 1.3), high, skin)
    stem, start = rng.uniform(0.01, 0.03), high + rng.uniform(0.004, 0.15)
    metal = textures.metal(rng)
    base.add(metal, forms.turned([(stem, high - 0.002), (stem, start - CLEARANCE)], (0.0, 0.0, 0.0), sides=8))
    rotor = Body("rotor")
    paint = skin if rng.random() < 0.4 and not skin.name.startswith("baked") else _skin(rng)
    count = int(rng.integers(1, 8))
    thick = rng.uniform(0.006, 0.03)
    hub = rng.uniform(1.3, 2.5) * stem
    rotor.add(metal, forms.turned([(hub, start), (0.8 * hub, start + thick + 0.006)], (0.0, 0.0, 0.0), sides=10))
    kind, half = rng.integers(3), rng.uniform(0.2, 0.45) * reach
    for angle in np.arange(count) * 2.0 * np.pi / count:
        if kind == 0:  # spokes of wire
            tip = (reach * np.cos(angle), reach * np.sin(angle), start + 0.5 * thick)
            rotor.add(metal, forms.rod((0.0, 0.0, start + 0.5 * thick), tip, 0.4 * thick, 5))
        elif kind == 1:  # blades, tilted
            blade = geo.stroke(np.array([(0.15 * reach, 0.0), (reach, 0.0)]), [0.4 * half, 1.6 * half, half])
            mesh = geo.slab(blade, -0.002, 0.002)
            mesh.apply_transform(forms.rotation((1.0, 0.0, 0.0), 0.25))
            mesh.apply_translation((0.0, 0.0, start + 0.3 * half))
            mesh.apply_transform(forms.rotation((0.0, 0.0, 1.0), angle))
            rotor.add(paint, mesh)
        else:  # arms with a knob at their end
            x, y = float(reach * np.cos(angle)), float(reach * np.sin(angle))
            rotor.add(paint, forms.rod((0.0, 0.0, start + 0.5 * thick), (x, y, start + 0.5 * thick), 0.6 * thick, 6))
            ball = [(0.3 * thick, 0.0), (thick, 0.6 * thick), (thick, 1.4 * thick), (0.3 * thick, 2.0 * thick)]
            rotor.add(paint, forms.turned(ball, (x, y, start), sides=8))
    if kind == 0 or (kind == 1 and rng.random() < 0.3):
        turn = np.arange(20) * np.pi / 10
        ring = np.column_stack([reach * np.cos(turn), reach * np.sin(turn), np.full(20, start + 0.5 * thick)])
        rotor.add(paint, forms.wire(ring, rng.uniform(0.3, 0.9) * thick, True, 5))
    return [base, rotor], [_turn(rng, 1, (0.0, 0.0, start), 0.7)]


def _knobs(rng: np.random.Generator) -> Made:
    """A panel with one to four knobs, levers or dials that turn."""
    count = int(rng.integers(1, 5))
    wide, deep, high = 0.3 + 0.07 * count, rng.uniform(0.18, 0.35), rng.uniform(0.015, 0.12)
    box = Body("panel")
    plate = baking.panel(rng) if rng.random() < 0.5 else _skin(rng)
    outline = forms.box_outline(-0.5 * wide, -0.5 * deep, 0.5 * wide, 0.5 * deep, rng.uniform(0.0, 0.05))
    (box.add_baked if plate.name.startswith("baked") else box.add)(plate, geo.slab(outline, 0.0, high, 0.003))
    if rng.random() < 0.6:
        y = 0.3 * deep
        box.add_baked(
            baking.console(rng),
            forms.block((-0.4 * wide, y, high - 0.002), (0.4 * wide, y + 0.15 * deep, high + 0.003)),
        )
    bodies, joints = [box], []
    same = _skin(rng)
    for i, x in enumerate(np.linspace(-0.5 * wide, 0.5 * wide, count + 2)[1:-1], start=1):
        knob = Body("knob")
        paint = same if rng.random() < 0.7 else _skin(rng)
        radius = rng.uniform(0.25, 0.45) * min(wide / (count + 1), 0.7 * deep)
        y, start = -0.1 * deep, high + CLEARANCE
        tall = rng.uniform(0.01, 0.07)
        if rng.random() < 0.6:
            knob.add(paint, forms.turned([(radius, 0.0), (0.9 * radius, tall)], (x, y, start), sides=12))
            mark = shapely.box(x, y - 0.12 * radius, x + 0.85 * radius, y + 0.12 * radius)
        else:  # a lever, longer than its knob
            hub = [(0.4 * radius, 0.0), (0.4 * radius, tall)]
            knob.add(paint, forms.turned(hub, (x, y, start), sides=9))
            mark = geo.stroke(np.array([(x, y), (x + 1.3 * radius, y)]), [0.5 * radius, 0.25 * radius])
        knob.add(textures.any_material(rng), geo.slab(mark, start + 0.6 * tall, start + tall + 0.006))
        bodies.append(knob)
        joints.append(_turn(rng, i, (float(x), y, start), 0.4))
    return bodies, joints


def _tap(rng: np.random.Generator) -> Made:
    """A tap: a spout of tube that swings over its base, and one handle or two."""
    metal = textures.metal(rng) if rng.random() < 0.7 else _skin(rng)
    high = rng.uniform(0.01, 0.04)
    base = _base(rng, rng.uniform(0.1, 0.2), high, metal if rng.random() < 0.6 else _skin(rng))
    tube, rise, reach = rng.uniform(0.01, 0.022), rng.uniform(0.04, 0.25), rng.uniform(0.2, 0.4)
    spout = Body("spout")
    start = high + CLEARANCE
    spout.add(metal, forms.turned([(1.6 * tube, start), (1.4 * tube, start + 0.03)], (0.0, 0.0, 0.0), sides=10))
    corners = [(0.0, 0.0, start), (0.0, 0.0, start + rise), (reach, 0.0, start + rise * rng.uniform(0.6, 1.0))]
    corners.append((reach, 0.0, corners[-1][2] - rng.uniform(0.02, 0.5 * rise)))
    spout.add(metal, forms.wire(forms.rounded_line(corners, rng.uniform(0.02, 0.15)), tube, sides=8))
    bodies, joints = [base, spout], [_turn(rng, 1, (0.0, 0.0, start), 0.1)]
    for i, side in enumerate((1.0, -1.0)[: int(rng.integers(0, 3))], start=2):
        y = side * rng.uniform(0.08, 0.14)
        outline = geo.merge(geo.disc((0.0, y), 0.045), geo.stroke(np.array([(0.0, 0.0), (0.0, y)]), 0.04))
        base.add(metal, geo.slab(outline, 0.0, high))
        grip = Body("handle")
        top = start + rng.uniform(0.02, 0.06)
        grip.add(metal, forms.turned([(0.03, start), (0.022, top)], (0.0, y, 0.0), sides=9))
        long = rng.uniform(0.08, 0.16)
        if rng.random() < 0.6:
            grip.add(metal, forms.rod((0.0, y, top - 0.006), (-long, y, top + 0.01), 0.008, 6))
        else:
            for a, b in (((long, 0.0), (-long, 0.0)), ((0.0, long), (0.0, -long))):
                ends = ((0.5 * a[0], y + 0.5 * a[1], top), (0.5 * b[0], y + 0.5 * b[1], top))
                grip.add(metal, forms.rod(*ends, 0.008, 6))
        bodies.append(grip)
        joints.append(_turn(rng, i, (0.0, y, start), 0.0))
    return bodies, joints


def _lamp(rng: np.random.Generator) -> Made:
    """A lamp or microphone on one arm or two that swivel on a base."""
    skin = _skin(rng)
    high = rng.uniform(0.015, 0.05)
    base = _base(rng, rng.uniform(0.08, 0.16), high, skin)
    bodies, joints = [base], []
    at, level = np.zeros(2), high
    for i in range(1, int(rng.integers(1, 3)) + 1):
        arm = Body("arm")
        long, gauge = rng.uniform(0.18, 0.32), rng.uniform(0.006, 0.015)
        rise = rng.uniform(0.01, 0.08)
        heading = rng.uniform(-0.8, 0.8)
        end = at + long * np.array((np.cos(heading), np.sin(heading)))
        start = level + CLEARANCE
        arm.add(skin, forms.turned([(1.8 * gauge, start), (1.8 * gauge, start + 2.0 * gauge)], (*at, 0.0), sides=8))
        corners = [(*at, start + gauge), (*at, start + rise + gauge), (*end, start + rise + gauge)]
        arm.add(skin, forms.wire(forms.rounded_line(corners, 0.02), gauge, sides=6))
        if rng.random() < 0.4:  # a second rod beside it, as in a desk lamp
            beside = np.add(corners[1:], (0.0, 0.0, 3.0 * gauge))
            arm.add(skin, forms.wire(beside, 0.6 * gauge, sides=5))
        bodies.append(arm)
        joints.append(_turn(rng, i, (float(at[0]), float(at[1]), start), 0.3, parent=i - 1))
        at, level = end, start + rise + 5.0 * gauge
    head = bodies[-1]
    shade = rng.uniform(0.04, 0.1)
    profile = [(shade, level - 0.06), (0.4 * shade, level + rng.uniform(0.0, 0.06))]
    head.add(textures.any_material(rng), forms.turned(profile, (*at, 0.0), sides=12))
    return bodies, joints


def _chair(rng: np.random.Generator) -> Made:
    """A swivel chair: a star with castors, a seat with a back and arms."""
    metal, cloth = _skin(rng), _skin(rng)
    base = Body("star")
    reach, seat_low = rng.uniform(0.2, 0.28), rng.uniform(0.15, 0.3)
    for angle in np.arange(5) * 2.0 * np.pi / 5:
        tip = (reach * np.cos(angle), reach * np.sin(angle))
        base.add(metal, forms.rod((0.0, 0.0, 0.06), (*tip, 0.035), 0.012, 5))
        base.add(metal, forms.turned([(0.015, -0.012), (0.015, 0.012)], (*tip, 0.016), (tip[1], -tip[0], 0.0), 8))
    base.add(metal, forms.turned([(0.022, 0.05), (0.016, seat_low - CLEARANCE)], (0.0, 0.0, 0.0), sides=8))
    seat = Body("seat")
    half = rng.uniform(0.14, 0.22)
    outline = forms.box_outline(-half, -half, half, half, rng.uniform(0.02, 0.9) * half)
    top = seat_low + rng.uniform(0.02, 0.06)
    seat.add(cloth, geo.slab(outline, seat_low, top, 0.008))
    if rng.random() < 0.8:
        back = top + rng.uniform(0.12, 0.4)
        rest = forms.box_outline(-0.9 * half, top + 0.05, 0.9 * half, back, 0.03)
        seat.add(cloth, forms.upright_panel(rest, "y", half, half + rng.uniform(0.01, 0.03)))
        for x in (-0.4 * half, 0.4 * half):
            seat.add(metal, forms.rod((x, half, seat_low + 0.01), (x, half + 0.008, top + 0.08), 0.008, 5))
    if rng.random() < 0.5:
        for x in (-half, half):
            corners = [
                (x, -0.6 * half, top),
                (x, -0.6 * half, top + 0.1),
                (x, 0.6 * half, top + 0.1),
                (x, 0.6 * half, top),
            ]
            seat.add(metal, forms.wire(forms.rounded_line(corners, 0.03), 0.009, sides=5))
    return [base, seat], [_turn(rng, 1, (0.0, 0.0, seat_low), 0.7)]


def _globe(rng: np.random.Generator) -> Made:
    """A ball, a drum or a roll on an axle in a bow on a foot."""
    metal = textures.metal(rng)
    radius = rng.uniform(0.12, 0.2)
    base = _base(rng, rng.uniform(0.1, 0.18), rng.uniform(0.01, 0.03), _skin(rng))
    tilt = rng.uniform(0.0, 0.6)
    middle = np.array([0.0, 0.0, radius + 0.09])
    axis = np.array([np.sin(tilt), 0.0, np.cos(tilt)])
    bow = 1.12 * radius
    turn = np.linspace(-0.5 * np.pi, 0.5 * np.pi, 12)
    across = np.array([-np.cos(tilt), 0.0, np.sin(tilt)])
    if across[2] > 0.0:
        across = -across  # the bow goes below the ball
    points = middle + bow * (np.sin(turn)[:, None] * axis + np.cos(turn)[:, None] * across)
    gauge = rng.uniform(0.005, 0.012)
    base.add(metal, forms.wire(points, gauge, sides=5))
    base.add(metal, forms.rod(points[np.argmin(points[:, 2])], (0.0, 0.0, 0.005), 1.3 * gauge, 6))
    ball = Body("ball")
    places = np.linspace(-0.5 * np.pi, 0.5 * np.pi, 9)
    flat = rng.uniform(0.5, 1.0)
    profile = [(max(0.004, radius * np.cos(a) ** flat), radius * np.sin(a)) for a in places]
    skin = baking.globe(rng)
    mesh = forms.turned(profile, middle, axis, 16)
    ball.add_baked(skin, mesh)
    ball.add(metal, forms.rod(middle - 1.1 * radius * axis, middle + 1.1 * radius * axis, 0.6 * gauge, 5))
    place = (float(middle[0]), float(middle[1]), float(middle[2]))
    joint = Joint(0, 1, place, 0.0, 0.0, (float(axis[0]), 0.0, float(axis[2])), "continuous")
    return [base, ball], [joint]


KINDS: tuple[Callable[[np.random.Generator], Made], ...] = (_wheel, _wheel, _knobs, _knobs, _tap, _lamp, _chair, _globe)


@register_category(CATEGORY, split="mix")
def rotor(rng: np.random.Generator) -> GeneratedObject:
    """Draw a thing that turns on its stand.

    Args:
        rng: Source of every choice.

    Returns:
        The object, about 0.6 m wide: link 0 the stand, every further link turns about an upright axis, some without
        limits; that of a globe is tilted.
    """
    make = KINDS[rng.integers(len(KINDS))]
    bodies, joints = make(rng)
    links = tuple(body.link() for body in bodies)
    return GeneratedObject(CATEGORY, links, tuple(joints), {"kind": make.__name__.strip("_")})
