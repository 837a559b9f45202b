"""Rooms about an object: walls, floor, ceiling or a table, pictures, cables, neighbours, things, and their light."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from envs.rendered_pairs import finishes
from envs.rendered_pairs.room_stock import Stock
from envs.rendered_pairs.shading import LIGHTS, Item, Lighting
from envs.rendered_pairs.textured_meshes import Floats, Mesh, Surface, box, capsule, joined, moved, quad
from envs.rendered_pairs.things import handle, small_thing, turned

Generator = np.random.Generator

#: Metres of a wall or a floor beyond the object.
_FAR = 7.0


@dataclass(eq=False)
class Room:
    """What surrounds an object.

    Attributes:
        items: Still things.
        made: Their meshes, but for those of the stock.
    """

    items: list[Item] = field(default_factory=list)
    made: list[Mesh] = field(default_factory=list)

    def add(self, meshes: Sequence[Mesh], pose: Floats | None = None, shadow: bool = True, lent: bool = False) -> None:
        """Put something there; ``lent`` is what comes from the stock."""
        place = np.eye(4) if pose is None else pose
        shown = meshes if lent else joined(meshes)
        self.items += [Item(mesh, place, 1, shadow) for mesh in shown]
        self.made += [] if lent else shown


def picture(rng: Generator, stock: Stock) -> Surface:
    """A photograph or a print."""
    if stock.pictures and rng.random() < 0.7:
        return Surface((1.0, 1.0, 1.0), stock.pictures[int(rng.integers(len(stock.pictures)))], rng.uniform(0, 0.5))
    return finishes.printed(rng)


def against_wall(rng: Generator, stock: Stock, bounds: Floats, clutter: bool) -> Room:
    """A room for what stands on the floor or hangs on a wall.

    Args:
        rng: Source of every choice.
        stock: What it is furnished with.
        bounds: (2, 3) of the object, metres: its front is to -y, the floor is z = 0.
        clutter: Whether other things stand and lie there.
    """
    room = Room()
    back = bounds[1, 1] + (rng.uniform(0, 0.04) if rng.random() < 0.8 else rng.uniform(0.1, 2.0))
    wall = finishes.wall(rng)
    _walls(rng, room, stock, wall, back, bounds)
    _on_wall(rng, room, stock, back, bounds)
    if not clutter:
        return room
    if bounds[0, 2] < 0.1 and bounds[1, 2] - bounds[0, 2] > 0.4:
        for side in (-1, 1):
            if rng.random() < 0.5:
                _neighbour(rng, room, stock, bounds, side, back)
            elif stock.furniture and rng.random() < 0.7:
                _stand(rng, room, stock, bounds, side, back)
    if bounds[1, 2] < 1.5:
        _things_on(rng, room, stock, bounds[1, 2], bounds, int(rng.integers(0, 7)))
    for _ in range(int(rng.integers(0, 4))):  # on the floor, to the sides
        side = rng.choice([-1.0, 1.0])
        x = bounds[0 if side < 0 else 1, 0] + side * rng.uniform(0.3, 1.2)
        scale = np.diag([*[rng.uniform(1, 2.2)] * 3, 1])
        _thing(rng, room, stock, turned(rng.uniform(0, 6), (x, back - rng.uniform(0.2, 1.2), 0)) @ scale)
    return room


def _walls(rng: Generator, room: Room, stock: Stock, wall: Surface, back: float, bounds: Floats) -> None:
    """Back wall, floor, perhaps a side wall and a ceiling, a skirting board."""
    tile = float(rng.uniform(0.5, 1.6))
    low, high = bounds[0, 0] - _FAR, bounds[1, 0] + _FAR
    front = bounds[0, 1] - _FAR
    top = max(rng.uniform(2.3, 3.0), bounds[1, 2] + 0.1)
    if rng.random() < 0.35:
        low = bounds[0, 0] - rng.uniform(0.02, 2.0)
    if rng.random() < 0.35:
        high = bounds[1, 0] + rng.uniform(0.02, 2.0)
    ground = finishes.floor(rng)
    beneath = [(low, front, 0), (high, front, 0), (high, back, 0), (low, back, 0)]
    room.add([quad(beneath, ground, float(rng.uniform(0.4, 1.4)))], shadow=False)
    sight = rng.random() < 0.1  # no wall, but a view of another place
    face = picture(rng, stock) if sight else wall
    behind = [(low, back, 0), (high, back, 0), (high, back, top), (low, back, top)]
    room.add([quad(behind, face, None if sight else tile)], shadow=False)
    other = wall if rng.random() < 0.7 else finishes.wall(rng)
    for x in (low, high):
        room.add([quad([(x, front, 0), (x, back, 0), (x, back, top), (x, front, top)], other, tile)], shadow=False)
    ceiling = Surface((0.9, 0.9, 0.88))
    room.add(
        [quad([(low, front, top), (high, front, top), (high, back, top), (low, back, top)], ceiling)], shadow=False
    )
    if rng.random() < 0.6:
        board = finishes.painted(rng) if rng.random() < 0.6 else finishes.wooden(rng)
        room.add([box((high - low, 0.015, rng.uniform(0.05, 0.12)), ((low + high) / 2, back - 0.008, 0.04), board)])


def opening(rng: Generator, stock: Stock, bounds: Floats, clutter: bool) -> Room:
    """A wall with a hole in which a door or a window is, and something behind."""
    room = Room()
    wall, tile = finishes.wall(rng), float(rng.uniform(0.5, 1.6))
    y = bounds[0, 1] * 0.4 + bounds[1, 1] * 0.6
    inner = 0.01
    x0, x1, z0, z1 = bounds[0, 0] + inner, bounds[1, 0] - inner, max(bounds[0, 2], 0.0), bounds[1, 2] - inner
    low, high, top = x0 - _FAR, x1 + _FAR, max(z1 + rng.uniform(0.2, 0.8), 2.4)
    for a, b, c, d in ((low, x0, 0.0, top), (x1, high, 0.0, top), (x0, x1, z1, top), (x0, x1, 0.0, z0)):
        if d - c > 0.01:
            room.add([quad([(a, y, c), (b, y, c), (b, y, d), (a, y, d)], wall, tile)], shadow=False)
    ground, step = finishes.floor(rng), float(rng.uniform(0.4, 1.4))
    front = y - _FAR
    room.add([quad([(low, front, 0), (high, front, 0), (high, y, 0), (low, y, 0)], ground, step)], shadow=False)
    beyond = y + rng.uniform(0.6, 3.0)
    outside = picture(rng, stock) if rng.random() < 0.4 else finishes.wall(rng)
    shade = rng.uniform(0.15, 1.0) if rng.random() < 0.7 else rng.uniform(1.0, 1.6)
    red, green, blue = outside.colour
    outside = replace(outside, colour=(shade * red, shade * green, shade * blue), gloss=0.0)
    wide = (x0 - 2, x1 + 2)
    view = [(wide[0], beyond, -1), (wide[1], beyond, -1), (wide[1], beyond, 4), (wide[0], beyond, 4)]
    room.add([quad(view, outside)], shadow=False)
    behind = ground if rng.random() < 0.5 else finishes.floor(rng)
    room.add(
        [quad([(wide[0], y, 0), (wide[1], y, 0), (wide[1], beyond, 0), (wide[0], beyond, 0)], behind, step)],
        shadow=False,
    )
    if clutter:
        _on_wall(rng, room, stock, y, bounds)
        for _ in range(int(rng.integers(0, 3))):
            if stock.furniture:
                _stand(rng, room, stock, bounds, int(rng.choice([-1, 1])), y)
        for _ in range(int(rng.integers(0, 4))):
            place = (rng.uniform(x0, x1), y + rng.uniform(0.2, beyond - y), 0)
            scale = np.diag([*[rng.uniform(1, 4)] * 3, 1])
            _thing(rng, room, stock, turned(rng.uniform(0, 6), place) @ scale)
    return room


def on_table(rng: Generator, stock: Stock, bounds: Floats, clutter: bool) -> Room:
    """A table at z = 0 with a room about it."""
    room = Room()
    size = float(np.ptp(bounds, axis=0).max())
    wide, near, far = [max(0.6 * size, rng.uniform(0.3, 1.2)) for _ in range(3)]
    surface, repeat = finishes.table(rng), float(rng.uniform(0.3, 1.2))
    room.add([box((2 * wide, near + far, 0.03), (0, (far - near) / 2, -0.0151), surface, repeat)])
    leg = finishes.furniture(rng)
    for x in (-0.9 * wide, 0.9 * wide):
        for y in (-0.9 * near, 0.9 * far):
            room.add([box((0.05, 0.05, 0.72), (x, y, -0.39), leg)])
    ground = -0.75
    back = far + (rng.uniform(0, 0.05) if rng.random() < 0.4 else rng.uniform(0.1, 2.0))
    wall = finishes.wall(rng)
    frame = np.array([[-wide, -near, 0.0], [wide, back, 1.0]])
    below = Room()
    _walls(rng, below, stock, wall, back, frame)
    shift = np.eye(4)
    shift[2, 3] = ground
    room.items += [replace(item, pose=shift @ item.pose) for item in below.items]
    room.made += below.made
    if not clutter:
        return room
    _on_wall(rng, room, stock, back, frame)
    for _ in range(int(rng.choice([0, 2, 5, 9]))):
        x, y = rng.uniform(-wide, wide), rng.uniform(-near, far)
        if bounds[0, 0] - 0.1 < x < bounds[1, 0] + 0.1 and bounds[0, 1] - 0.35 < y < bounds[1, 1] + 0.1:
            continue  # that is the object's place, and before it one looks in
        scale = np.diag([*[rng.uniform(0.5, 1.2)] * 3, 1])
        _thing(rng, room, stock, turned(rng.uniform(0, 6), (x, y, 0)) @ scale)
    for _ in range(int(rng.integers(0, 3))):
        if stock.furniture:
            chosen = stock.furniture[int(rng.integers(len(stock.furniture)))]
            x = rng.uniform(-2, 2)
            if back - far > 0.7:
                room.add(chosen, turned(rng.normal(0, 0.4), (x, back - 0.35, ground)), lent=True)
    return room


def _on_wall(rng: Generator, room: Room, stock: Stock, back: float, bounds: Floats) -> None:
    """Pictures, sockets, cables and pipes on the wall."""
    width = bounds[1, 0] - bounds[0, 0]
    for _ in range(int(rng.integers(0, 4))):
        w, h = rng.uniform(0.15, 0.9, 2)
        x, z = rng.uniform(bounds[0, 0] - 1.2, bounds[1, 0] + 1.2), rng.uniform(0.7, 2.2)
        if bounds[0, 0] - w / 2 < x < bounds[1, 0] + w / 2 and bounds[0, 2] - h / 2 < z < bounds[1, 2] + h / 2:
            continue
        shown = picture(rng, stock)
        y = back - 0.012
        corners = [
            (x - w / 2, y, z - h / 2),
            (x + w / 2, y, z - h / 2),
            (x + w / 2, y, z + h / 2),
            (x - w / 2, y, z + h / 2),
        ]
        room.add([quad(corners, shown)])
        if rng.random() < 0.6:
            room.add([box((w + 0.04, 0.01, h + 0.04), (x, back - 0.006, z), finishes.furniture(rng))])
    for _ in range(int(rng.integers(0, 3))):
        x, z = rng.uniform(bounds[0, 0] - 1, bounds[1, 0] + 1), rng.uniform(0.2, 1.3)
        plate = Surface((0.92, 0.92, 0.9), None, 0.5)
        room.add([box((0.08, 0.01, 0.08 * rng.choice([1, 1, 2])), (x, back - 0.005, z), plate)])
    for _ in range(int(rng.choice([0, 0, 1, 3]))):
        surface = finishes.plastic(rng) if rng.random() < 0.4 else Surface((0.05, 0.05, 0.05), None, 0.3)
        point = np.array([rng.uniform(bounds[0, 0] - 1 - width, bounds[1, 0] + 1), back - 0.01, rng.uniform(0.5, 2.2)])
        radius = rng.uniform(0.002, 0.012)
        for _ in range(5):
            step = point + rng.normal(0, 0.25, 3) * [1, 0, 1]
            room.add([capsule(point, step, radius, radius, surface, 6)])
            point = step


def _neighbour(rng: Generator, room: Room, stock: Stock, bounds: Floats, side: int, back: float) -> None:
    """Still furniture right beside: a block with the lines of doors and drawers, and handles."""
    w = rng.uniform(0.3, 1.0)
    h = (bounds[1, 2] - bounds[0, 2]) * (1.0 if rng.random() < 0.5 else rng.uniform(0.5, 1.3))
    front = bounds[0, 1] if rng.random() < 0.6 else bounds[0, 1] + rng.uniform(-0.1, 0.2)
    d = max(back - front, 0.1)
    x = bounds[0 if side < 0 else 1, 0] + side * (w / 2 + rng.uniform(0, 0.03))
    surface = finishes.furniture(rng)
    room.add([box((w, d, h), (x, back - d / 2, h / 2), surface, 0.8)])
    rows = int(rng.integers(1, 4))
    grip = finishes.metallic(rng)
    seed = int(rng.integers(1 << 30))
    for row in range(rows):
        size = (w - 0.02, 0.015, h / rows - 0.008)
        z = (row + 0.5) * h / rows
        room.add([box(size, (x, front - 0.008, z), surface, 0.8)])
        pose = turned(0.0, (x, front - 0.015, z + 0.3 * h / rows))
        room.add(handle(np.random.default_rng(seed), 0.3 * w, grip), pose)
    _things_on(rng, room, stock, h, np.array([[x - w / 2, front, 0], [x + w / 2, back, h]]), int(rng.integers(0, 4)))


def _stand(rng: Generator, room: Room, stock: Stock, bounds: Floats, side: int, back: float) -> None:
    """A piece of furniture of the stock beside the object."""
    meshes = stock.furniture[int(rng.integers(len(stock.furniture)))]
    points = np.concatenate([mesh.points for mesh in meshes])
    half, deep = np.ptp(points[:, 0]) / 2, np.ptp(points[:, 1]) / 2
    x = bounds[0 if side < 0 else 1, 0] + side * (half + rng.uniform(0.02, 0.5))
    room.add(meshes, turned(rng.normal(0, 0.1), (x, back - deep - 0.02, 0)), lent=True)


def _thing(rng: Generator, room: Room, stock: Stock, pose: Floats) -> None:
    """A small thing, of the stock where it has some."""
    if stock.things and rng.random() < 0.55:
        meshes = stock.things[int(rng.integers(len(stock.things)))]
        stretch = np.linalg.norm(pose[:3, 0])
        pose = pose.copy()
        pose[:3, :3] /= stretch
        room.add(meshes, pose, lent=True)
    else:
        room.add(small_thing(rng), pose)


def _things_on(rng: Generator, room: Room, stock: Stock, level: float, bounds: Floats, count: int) -> None:
    low, high = bounds[0] + 0.12 * (bounds[1] - bounds[0]), bounds[1] - 0.12 * (bounds[1] - bounds[0])
    for _ in range(count):
        x, y = rng.uniform(low[0], high[0]), rng.uniform(0.5 * (low[1] + high[1]), high[1])
        _thing(rng, room, stock, turned(rng.uniform(0, 6), (x, y, level)))


def lighting(rng: Generator, stock: Stock) -> Lighting:
    """Light from a window, lamps, the ceiling; from a real room's surrounding where the stock has one."""
    if len(stock.surroundings) and rng.random() < 0.6:
        surrounding = stock.surroundings[int(rng.integers(len(stock.surroundings)))]
        shift = int(rng.integers(surrounding.shape[1]))
        surrounding = np.ascontiguousarray(np.roll(surrounding, shift, axis=1))
    else:
        surrounding = _drawn_surrounding(rng)
    directions = _directions(rng)
    seen = cv2.GaussianBlur(surrounding.astype(np.float32), (0, 0), surrounding.shape[0] / 14)
    h, w = seen.shape[:2]
    rows = (np.arccos(np.clip(directions[:, 2], -1, 1)) / math.pi * (h - 1)).astype(int)
    cols = ((np.arctan2(directions[:, 1], directions[:, 0]) / (2 * math.pi) + 0.5) * (w - 1)).astype(int)
    weak = seen[rows, cols].astype(np.float64)
    weak = weak / max(float(weak.mean()), 1e-6)
    weak = 0.5 * weak + 0.5 * weak.mean(1, keepdims=True)
    weak = np.clip(weak, 0.2, 3.0)
    colours = weak * (2.4 / (LIGHTS - 1))
    key = rng.choice([rng.uniform(0.0, 0.6), rng.uniform(0.6, 2.5)], p=[0.35, 0.65])
    warm = rng.normal(0, 0.1)
    colours[0] = key * np.array([1 + warm, 1.0, 1 - warm])
    ambient = colours[1:].mean(axis=0) * rng.uniform(0.25, 1.1)
    return Lighting(
        directions, colours, ambient, float(rng.uniform(0.6, 6.0)), surrounding, float(rng.uniform(0.3, 1.0))
    )


def _directions(rng: Generator) -> Floats:
    """Spread over the half of the sphere that is above and before the object."""
    angle = rng.uniform(0, 2 * math.pi)
    made = []
    for index in range(LIGHTS - 1):
        height = (index + 0.5 + rng.uniform(-0.3, 0.3)) / (LIGHTS - 1)
        turn = angle + index * 2.4
        flat = math.sqrt(max(1 - height * height, 0.0))
        made.append([flat * math.cos(turn), flat * math.sin(turn) - 0.35, height])
    key = [rng.uniform(-1.2, 1.2), rng.uniform(-1.3, 0.3), rng.uniform(0.35, 1.6)]
    directions = np.array([key, *made])
    return np.asarray(directions / np.linalg.norm(directions, axis=1, keepdims=True))


def _drawn_surrounding(rng: Generator) -> NDArray[np.float16]:
    """A room as shiny things reflect it: bright above, dark below, windows and lamps."""
    height, width = 64, 128
    up = np.linspace(1, 0, height)[:, None]
    tone = np.array(finishes.hsv(rng.uniform(0, 1), rng.uniform(0, 0.2), 1.0))
    image = (0.15 + rng.uniform(0.3, 0.9) * up)[..., None] * tone * np.ones((1, width, 1))
    for _ in range(int(rng.integers(1, 6))):
        x, y = int(rng.integers(0, width)), int(rng.integers(0, int(0.6 * height)))
        w, h = int(rng.integers(3, 26)), int(rng.integers(3, 20))
        image[y : y + h, x : x + w] = rng.uniform(1.5, 7) * (1 + 0.1 * rng.standard_normal(3))
    for _ in range(int(rng.integers(2, 9))):
        x, y = int(rng.integers(0, width)), int(rng.integers(int(0.3 * height), height))
        w, h = int(rng.integers(5, 40)), int(rng.integers(5, 40))
        image[y : y + h, x : x + w] *= rng.uniform(0.2, 0.9)
    return np.asarray(np.clip(cv2.GaussianBlur(image, (0, 0), 1.0), 0, 60).astype(np.float16))


def placed(meshes: Sequence[Mesh], pose: Floats) -> list[Mesh]:
    """Meshes moved by a pose."""
    return [moved(mesh, pose) for mesh in meshes]
