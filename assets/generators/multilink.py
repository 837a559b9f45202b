"""Multilink: a chain of bars joined by hinges, each bar one layer above the last."""

from __future__ import annotations

import numpy as np
import shapely
from shapely.geometry import Polygon

from assets.generators import geometry as geo
from assets.generators import textures
from assets.generators.category import register_category
from assets.generators.model import GeneratedObject, Joint, Link, Material
from assets.generators.solids import CLEARANCE, Piece, moved, visuals

CATEGORY = "multilink"


def _bar(rng: np.random.Generator, style: str, length: float, width: float) -> Polygon:
    """Return a bar with hinges at the origin and at (length, 0)."""
    ends = ((0.0, 0.0), (length, 0.0))
    straight = np.array(ends)
    eyes = [geo.disc(end, 0.5 * width) for end in ends]
    if style == "rounded":
        return geo.stroke(straight, width)
    if style == "box":
        slack = 0.5 * width
        return geo.rounded(shapely.box(-slack, -slack, length + slack, slack), rng.uniform(0.003, 0.012))
    if style == "dogbone":
        return geo.merge(*eyes, geo.stroke(straight, rng.uniform(0.45, 0.75) * width))
    if style == "leaf":
        return geo.merge(
            *eyes, geo.stroke(geo.arc(*ends, 0.0), [0.8 * width, rng.uniform(1.2, 1.6) * width, 0.8 * width])
        )
    if style == "arc":
        return geo.merge(*eyes, geo.stroke(geo.arc(*ends, rng.uniform(0.12, 0.25) * rng.choice((-1, 1))), 0.9 * width))
    frame = geo.stroke(straight, 1.1 * width)  # "frame"
    window = geo.stroke(np.array([(0.3 * length, 0.0), (0.7 * length, 0.0)]), rng.uniform(0.35, 0.55) * width)
    return geo.tidy(frame.difference(window))


def _materials(rng: np.random.Generator, count: int) -> list[Material]:
    """Return materials of the links: all alike, two in turns, or each its own."""
    kind = rng.random()
    first = textures.any_material(rng)
    if kind < 0.4:
        return [first] * count
    second = textures.any_material(rng)
    if kind < 0.6:
        return [(first, second)[i % 2] for i in range(count)]
    return [first, second, *(textures.any_material(rng) for _ in range(count - 2))]


@register_category(CATEGORY, split="test", view="top")
def multilink(rng: np.random.Generator) -> GeneratedObject:
    """Draw a chain of three links.

    Args:
        rng: Source of every choice.

    Returns:
        The object, about 0.7 m long when straight; see `chain_of`.
    """
    return chain_of(rng, CATEGORY, 3)


def chain_of(rng: np.random.Generator, category: str, count: int) -> GeneratedObject:
    """Draw a chain. The more links, the shorter and flatter they are; chains of more than three curl one way.

    Args:
        rng: Source of every choice.
        category: Category of the object.
        count: Number of links, two or more.

    Returns:
        The object. Link 0, the root, may be any link of the chain.
    """
    shrink = (3.0 / count) ** 0.5
    styles = ("rounded", "box", "dogbone", "leaf", "arc", "frame")
    common = styles[rng.integers(len(styles))] if rng.random() < 0.5 else ""
    width = rng.uniform(0.06, 0.11) if count <= 3 else rng.uniform(0.087, 0.122)
    thick = max(0.010, rng.uniform(0.010, 0.026) * shrink)
    pin_radius = rng.uniform(0.18, 0.3) * width
    materials = _materials(rng, count)
    pin = materials[0] if rng.random() < 0.4 else textures.metal(rng)
    place, heading, bottom = np.zeros(2), float(rng.uniform(-np.pi, np.pi)), 0.0
    curl = float(np.radians(rng.uniform(22.0, 32.0)) * rng.choice((-1, 1))) if count > 3 else 0.0
    places: list[np.ndarray] = []
    limits: list[tuple[float, float]] = []
    names: list[str] = []
    chain: list[list[Piece]] = []
    for i in range(count):
        if i > 0:
            rest = float(np.radians(rng.uniform(-60.0, 60.0)))
            reach = np.radians(rng.uniform(85.0, 115.0, size=2))
            if count > 3:  # a long straight chain would be thin in the view
                rest, reach = 0.4 * rest + curl, 0.45 * reach
            limits.append((float(curl - reach[0] - rest), float(curl + reach[1] - rest)))
            heading += rest
            places.append(place)
        style = common or styles[rng.integers(len(styles))]
        names.append(style)
        length = rng.uniform(0.17, 0.27) * shrink
        own = thick * rng.uniform(0.8, 1.25)
        bar = Piece(_bar(rng, style, length, width), bottom, bottom + own, materials[i], rng.uniform(0.0, 0.3) * own)
        pieces = [bar]
        if i > 0:  # the pin's head shows on the upper of two links
            head = geo.disc((0.0, 0.0), pin_radius)
            pieces.append(Piece(head, bottom + own - 0.003, bottom + own + 0.6 * CLEARANCE, pin))
        pieces = [moved(piece, heading) for piece in pieces]
        shift = [shapely.affinity.translate(piece.outline, place[0], place[1]) for piece in pieces]
        chain.append(
            [
                Piece(outline, piece.bottom, piece.top, piece.material, piece.chamfer, piece.grain)
                for outline, piece in zip(shift, pieces, strict=True)
            ]
        )
        place = place + length * np.array([np.cos(heading), np.sin(heading)])
        bottom += own + CLEARANCE
    root = (0, count - 1, *range(1, count - 1))[rng.integers(count)]
    order = [root, *reversed(range(root)), *range(root + 1, count)]  # links of the chain, parents first
    number = {link: i for i, link in enumerate(order)}
    joints = []
    for i, (lower, upper) in enumerate(limits):  # hinge i joins links i and i + 1 of the chain
        forward = number[i] < number[i + 1]
        span = (lower, upper) if forward else (-upper, -lower)
        parent, child = sorted((number[i], number[i + 1]))
        z = chain[i + 1][0].bottom
        joints.append(Joint(parent, child, (float(places[i][0]), float(places[i][1]), z), *span))
    joints.sort(key=lambda joint: joint.child)
    links = tuple(Link("link", visuals(chain[i])) for i in order)
    return GeneratedObject(category, links, tuple(joints), {"styles": ", ".join(names), "root": f"{root}"})
