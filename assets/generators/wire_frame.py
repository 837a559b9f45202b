"""Thin frames of bent wire or tube, two or three of them on one hinge: hangers, hooks with a gate, folding racks."""

from __future__ import annotations

import numpy as np

from assets.generators import forms, textures
from assets.generators.category import register_category
from assets.generators.model import GeneratedObject, Joint, Material
from assets.generators.solids import CLEARANCE, between_angles

CATEGORY = "wire_frame"
FloatArray = forms.FloatArray

SHAPES = ("box", "triangle", "trapezoid", "oval", "hook", "comb", "ladder", "zigzag", "blob")


def _line(rng: np.random.Generator, shape: str, length: float, width: float) -> tuple[FloatArray, bool]:
    """Return the main wire of a frame from x = 0 to ``length``, (N, 2), and whether it is closed."""
    half = 0.5 * width
    bend = rng.uniform(0.1, 0.9) * min(half, 0.2 * length)
    if shape in ("box", "ladder"):
        corners = [(0.0, -half), (length, -half), (length, half), (0.0, half)]
    elif shape == "triangle":
        corners = [(0.0, rng.uniform(-0.6, 0.6) * half), (length, -half), (length * rng.uniform(0.8, 1.0), half)]
    elif shape == "trapezoid":
        near = rng.uniform(0.2, 0.7) * half
        corners = [(0.0, -near), (length, -half), (length, half), (0.0, near)]
    elif shape == "oval":
        turn = np.arange(20) * 2.0 * np.pi / 20
        power = rng.uniform(0.6, 1.0)  # towards a rectangle
        c, s = np.cos(turn), np.sin(turn)
        x, y = np.sign(c) * np.abs(c) ** power, np.sign(s) * np.abs(s) ** power
        return np.column_stack([0.5 * length * (1.0 + x), half * y]), True
    elif shape == "hook":
        gap = rng.uniform(0.3, 0.7)
        corners = [(0.0, -half), (length, -half), (length, half), (gap * length, half)]
        return forms.rounded_line(corners, rng.uniform(0.5, 1.0) * half, steps=5), False
    elif shape == "zigzag":
        count = int(rng.integers(3, 7))
        x = np.linspace(0.0, length, count + 1)
        y = half * np.where(np.arange(count + 1) % 2 == 0, -1.0, 1.0)
        return forms.rounded_line(np.column_stack([x, y]), bend), False
    elif shape == "comb":
        corners = [(0.0, 0.0), (length, 0.0)]
        return np.array(corners), False
    else:
        count = int(rng.integers(5, 9))
        turn = np.arange(count) * 2.0 * np.pi / count + rng.uniform(-0.2, 0.2, count)
        reach = rng.uniform(0.55, 1.0, count)
        points = np.column_stack([reach * np.cos(turn), reach * np.sin(turn)])
        points = (points - points.min(axis=0)) / np.ptp(points, axis=0)
        return forms.rounded_line(points * (length, width) - (0.0, half), 0.08, closed=True), True
    return forms.rounded_line(corners, bend, closed=True), True


def _inner(rng: np.random.Generator, shape: str, length: float, width: float) -> list[FloatArray]:
    """Return the cross wires of a frame, each (2, 2)."""
    half = 0.5 * width
    bars: list[FloatArray] = []
    if shape in ("ladder", "comb") or (shape == "box" and rng.random() < 0.5):
        for x in np.linspace(0.0, length, int(rng.integers(4, 8)))[1:-1]:
            bars.append(np.array([(x, -half), (x, half * (1.0 if shape != "comb" else rng.uniform(-0.2, 1.0)))]))
    elif shape in ("box", "trapezoid") and rng.random() < 0.4:
        bars.append(np.array([(0.0, -0.3 * half), (length, 0.3 * half)]))
    return bars


def _frame(
    rng: np.random.Generator, part: str, size: tuple[float, float], radius: float, tall: float, metal: Material
) -> forms.Body:
    """Return a frame that lies along +x from its hinge at the origin, its lowest wire about z = 0.

    Args:
        rng: Source of every choice.
        part: Name of the part.
        size: Length and width.
        radius: Of its wire.
        tall: Height of a second layer of the same wire, 0 for none.
        metal: Its material.
    """
    body = forms.Body(part)
    length, width = size
    shape = SHAPES[rng.integers(len(SHAPES))]
    line, closed = _line(rng, shape, length, width)
    bars = _inner(rng, shape, length, width)
    start = line[np.argmin(np.linalg.norm(line, axis=1))]
    if np.linalg.norm(start) > 1e-6:  # it reaches the hinge
        bars.append(np.array([(0.0, 0.0), start]))
    flat: list[FloatArray] = []
    for z in (radius, tall + radius) if tall > 0.0 else (radius,):
        body.add(metal, forms.wire(np.column_stack([line, np.full(len(line), z)]), radius, closed))
        flat += [np.column_stack([bar, np.full(2, z)]) for bar in bars]
    body.add(metal, *(forms.wire(bar, rng.uniform(0.6, 1.0) * radius, sides=5) for bar in flat))
    if tall > 0.0:
        for place in line[:: max(1, len(line) // int(rng.integers(3, 7)))]:
            body.add(metal, forms.rod((*place, radius), (*place, tall + radius), 0.9 * radius, 5))
    if rng.random() < 0.35:  # a sleeve of plastic around a part of the wire, or its ends
        sleeve = textures.coloured(rng)
        i = int(rng.integers(0, max(1, len(line) - 3)))
        some = line[i : i + 3]
        body.add(sleeve, forms.wire(np.column_stack([some, np.full(len(some), radius)]), 1.35 * radius))
    return body


@register_category(CATEGORY, split="mix")
def wire_frame(rng: np.random.Generator) -> GeneratedObject:
    """Draw two or three frames of wire that turn about one pin.

    Args:
        rng: Source of every choice.

    Returns:
        The object, about 0.7 m long: link 0 the lowest frame.
    """
    count = 3 if rng.random() < 0.25 else 2
    radius = rng.uniform(0.007, 0.022)
    alike = rng.random() < 0.6
    pick = textures.metal if rng.random() < 0.6 else textures.any_material
    first = pick(rng)
    crossing = rng.random() < 0.35  # as the legs of a folding stand
    tall = rng.uniform(0.05, 0.2) if rng.random() < 0.25 else 0.0
    length = rng.uniform(0.3, 0.6)
    headings = np.array([0.0, rng.uniform(0.0, 0.5), rng.uniform(-0.5, 0.0)])
    spread = rng.uniform(0.7, 1.6)
    links, joints, level = [], [], 0.0
    gauge = radius
    for i in range(count):
        metal = first if alike or i == 0 else pick(rng)
        gauge = radius if rng.random() < 0.6 else rng.uniform(0.007, 0.022)
        size = (length * rng.uniform(0.6, 1.1), length * rng.uniform(0.15, 0.9))
        body = _frame(rng, "frame", size, gauge, tall if i == 0 or rng.random() < 0.5 else 0.0, metal)
        if crossing:
            shift = -rng.uniform(0.3, 0.6) * size[0]
            for mesh, _, _ in body.meshes:
                mesh.apply_translation((shift, 0.0, 0.0))
            body.add(metal, forms.rod((shift, 0.0, gauge), (shift + size[0], 0.0, gauge), gauge, 6))
        top = max(float(mesh.bounds[1][2]) for mesh, _, _ in body.meshes)
        # Flat washers over one another hold the frames together.
        collar = gauge * rng.uniform(1.4, 2.2)
        body.add(metal, forms.turned([(collar, 0.0), (collar, 2.0 * gauge)], (0.0, 0.0, 0.0), sides=10))
        side = 1.0 if i != 2 else -1.0
        least = 0.15 if i else 0.0
        reach = (least, least + spread)
        drawn = between_angles(rng, *reach) if i else 0.0
        turn = side * (drawn + abs(float(headings[i])))
        pose = forms.rotation((0.0, 0.0, 1.0), turn)
        pose[2, 3] = level - min(float(mesh.bounds[0][2]) for mesh, _, _ in body.meshes)
        links.append(body.link(pose))
        if i:
            limits = sorted((side * (reach[0] - drawn), side * (reach[1] - drawn)))
            joints.append(Joint(0, i, (0.0, 0.0, level), limits[0], limits[1]))
        level = top + float(pose[2, 3]) + CLEARANCE
    return GeneratedObject(CATEGORY, tuple(links), tuple(joints), {"wire": f"{2000.0 * radius:.0f} mm"})
