"""A rendered image pair: an object in a room, before and after some of its parts moved, filmed by a camera."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.importing.joints.kinematics import inverse
from assets.importing.reading.urdf import Joint
from envs.rendered_pairs import camera_effects, rooms
from envs.rendered_pairs.articulated import Articulated, range_of
from envs.rendered_pairs.pair_variation import RenderedPairConfig
from envs.rendered_pairs.people import Draw, Hold, arm_agent, stick_agent
from envs.rendered_pairs.robots import floating_gripper, robot_agent
from envs.rendered_pairs.rooms import Room
from envs.rendered_pairs.shading import Item, Lighting, View, looking_at, renderer
from envs.rendered_pairs.subject_library import Library, Subject
from envs.rendered_pairs.textured_meshes import Floats, Mesh, box, joined
from envs.rendered_pairs.things import small_thing, turned

Generator = np.random.Generator

#: Images are drawn this much larger and then reduced.
OVERSAMPLING = 2
#: Share of the image that what moved must show in each image, and the most that it and agents may cover.
LEAST_SHARE, MOST_SHARE, MOST_AGENT = 0.004, 0.75, 0.45
#: Share of what moved that agents must leave in view.
LEAST_LEFT = 0.45
#: Scenes tried for one pair.
TRIALS = 30
STILL, MOVED, AGENT = 1, 2, 3  # bodies


@dataclass(frozen=True, eq=False)
class RenderedPair:
    """Two images and what moved between them.

    Attributes:
        rgb: (2, H, W, 3) uint8, before and after.
        moved: (2, H, W) bool, the visible pixels of what moved, in each; all False where nothing did. Agents, and what
            they hide, are not part of it.
        agent: (2, H, W) bool, hands, arms, persons, robots and sticks.
    """

    rgb: NDArray[np.uint8]
    moved: NDArray[np.bool_]
    agent: NDArray[np.bool_]


@dataclass(eq=False)
class Shot:
    """All that a pair shows, before it is drawn.

    Attributes:
        body: The object.
        positions: Joint positions before and after.
        poses: (4, 4) of the object, before and after: it may be shifted a little.
        contents: Things in the object, by link.
        room: What surrounds it.
        moving: Links that move.
        views: The camera, before and after.
        agents: Meshes of agents, before and after.
    """

    body: Articulated
    positions: tuple[dict[str, float], dict[str, float]]
    poses: tuple[Floats, Floats]
    contents: dict[str, list[Mesh]]
    room: Room
    moving: frozenset[str]
    views: tuple[View, View]
    agents: tuple[list[Mesh], list[Mesh]] = field(default_factory=lambda: ([], []))

    def items(self, index: int) -> list[Item]:
        """What is seen in one of the images."""
        poses = self.body.poses(self.positions[index])
        shown = list(self.room.items)
        for meshes in (self.body.meshes, self.contents):
            for link, some in meshes.items():
                pose = self.poses[index] @ poses[link]
                shown += [Item(mesh, pose, MOVED if link in self.moving else STILL) for mesh in some]
        return shown + [Item(mesh, body=AGENT) for mesh in self.agents[index]]


def render_pair(
    rng: Generator, library: Library, config: RenderedPairConfig | None = None, resolution: int = 180
) -> RenderedPair:
    """Draw a pair.

    Args:
        rng: Source of every choice: the same state gives the same pair on one machine.
        library: What to draw.
        config: What varies.
        resolution: Image side in pixels.

    Raises:
        envs.rendered_pairs.gl_context.PicturesMissing: Nothing can be drawn here.
        RuntimeError: No view of anything that moves was found.
    """
    config = config or RenderedPairConfig()
    stays = rng.random() < config.still
    for _ in range(TRIALS):
        shot, subject, focus = _stage(rng, library, config, stays)
        try:
            pair = _film(rng, library, config, resolution, shot, subject, focus, stays)
        finally:
            passing = [mesh for meshes in (*shot.contents.values(), *shot.agents) for mesh in meshes]
            renderer().store.forget([*passing, *shot.room.made])
        if pair is not None:
            return pair
    raise RuntimeError("no view shows anything that moves")


def _stage(
    rng: Generator, library: Library, config: RenderedPairConfig, stays: bool
) -> tuple[Shot, Subject, tuple[Floats, float, float]]:
    """Choose an object, what moves, the room and the camera; also the focus: (3,), distance and field of view."""
    subject = library.sample(rng)
    body = subject.body
    chosen = _chosen(rng, body)
    positions = _positions(rng, body, chosen)
    moving = frozenset(link for joint in chosen for link in body.links_moved_by(joint))
    rest = body.bounds(positions[0], [link for link in body.meshes if link not in moving] or None)
    pose = _placed(rng, subject, rest)
    bounds = np.stack([rest[0] + pose[:3, 3], rest[1] + pose[:3, 3]])
    if subject.place == "table":
        pose = turned(rng.uniform(-1.2, 1.2), (0.0, 0.0, 0.0)) @ pose
    build = {"table": rooms.on_table, "opening": rooms.opening}.get(subject.place, rooms.against_wall)
    room = build(rng, library.stock, bounds, config.clutter)
    contents = _contents(rng, body, positions[0]) if config.clutter and subject.furnished else {}
    boxes = np.stack([body.bounds(each, sorted(moving & body.meshes.keys())) for each in positions])
    size = float(np.linalg.norm(np.ptp(boxes[:, :, :], axis=1).max(axis=0)))
    centre = pose[:3, :3] @ boxes.mean(axis=(0, 1)) + pose[:3, 3]
    view, focus = _camera(rng, config, subject, centre, size, bounds)
    second = view
    after = pose
    if stays:
        positions = (positions[0], positions[0])
    pixel = 2 * math.tan(focus[2] / 2) * focus[1] / 180
    if config.shake and rng.random() < 0.25:  # somebody knocked against it: that is no motion of a part
        shift = rng.normal(0, 0.7, 3) * pixel * [1, 0.5, 0.2]
        after = turned(0.0, np.asarray(shift, np.float64)) @ pose
    shot = Shot(body, positions, (pose, after), contents, room, frozenset() if stays else moving, (view, second))
    if config.shake and rng.random() < 0.6:
        shot.views = (view, _shaken(rng, view, float(rng.choice([0.4, 1.2], p=[0.8, 0.2]))))
    return shot, subject, focus


def _chosen(rng: Generator, body: Articulated) -> list[Joint]:
    """The joints that move: one most often, large parts more often; a chain's pieces without a shape go along."""
    joints = body.movable
    bare = [joint for joint in joints if joint.child not in body.meshes]
    shown = [joint for joint in joints if joint.child in body.meshes]
    size = np.array([np.linalg.norm(np.ptp(body.bounds({}, [joint.child]), axis=0)) for joint in shown]) + 1e-6
    count = min(len(shown), int(rng.choice([1, 2, 3], p=[0.76, 0.17, 0.07])))
    picked = rng.choice(len(shown), count, replace=False, p=size / size.sum())
    return bare + [shown[index] for index in sorted(picked)]


def _positions(rng: Generator, body: Articulated, chosen: Sequence[Joint]) -> tuple[dict[str, float], dict[str, float]]:
    """Joint positions before and after: shut in one of them most often."""
    before: dict[str, float] = {}
    for joint in body.movable:
        low, high = range_of(joint)
        rest = min(max(0.0, low), high)
        if rng.random() < 0.1:
            rest = rest + rng.uniform(0.0, 0.6) * ((high if high - rest > rest - low else low) - rest)
        before[joint.name] = rest
    after = dict(before)
    kind = rng.random()
    for joint in chosen:
        low, high = range_of(joint)
        shut = min(max(0.0, low), high)
        far = high if high - shut >= shut - low else low
        if kind < 0.5:
            pair = (0.0, rng.uniform(0.3, 1.0))
        elif kind < 0.75:
            pair = (rng.uniform(0.3, 1.0), 0.0)
        else:
            first = rng.random()
            step = rng.uniform(0.2, 0.8)
            pair = (first, first + step if first + step <= 1 else max(first - step, 0.0))
        if low < shut - 1e-3 and high > shut + 1e-3:  # both ways
            shut, far = low, high
        before[joint.name], after[joint.name] = (shut + share * (far - shut) for share in pair)
    return before, after


def _placed(rng: Generator, subject: Subject, rest: Floats) -> Floats:
    """Pose (4, 4) that puts the object on the floor, on a table or on a wall."""
    middle = (rest[0] + rest[1]) / 2
    height = -rest[0, 2]
    if subject.place == "hung":
        height += rng.uniform(1.25, 1.6)
    elif subject.place == "switch":
        height += rng.uniform(0.8, 1.5)
    elif subject.place == "opening":
        height += 0.0 if np.ptp(rest[:, 2]) > 1.7 else rng.uniform(0.6, 1.1)
    return turned(0.0, (-middle[0], -middle[1], height))


def _camera(
    rng: Generator, config: RenderedPairConfig, subject: Subject, centre: Floats, size: float, bounds: Floats
) -> tuple[View, tuple[Floats, float, float]]:
    """A camera that shows what moves, somewhere and somehow."""
    field_of_view = math.radians(rng.uniform(35, 75))
    share = math.exp(rng.uniform(math.log(0.16), math.log(1.5))) if config.framing else rng.uniform(0.4, 0.7)
    distance = size / (2 * math.tan(field_of_view / 2) * share)
    distance = min(max(distance, 0.3 * size + 0.12), 4.5)
    table = subject.place == "table"
    azimuth = rng.normal(0, 0.55) if rng.random() < 0.7 else rng.uniform(-1.25, 1.25)
    elevation = rng.uniform(0.15, 1.45) if table else rng.normal(0.18, 0.3)
    direction = np.array(
        [math.sin(azimuth) * math.cos(elevation), -math.cos(azimuth) * math.cos(elevation), math.sin(elevation)]
    )
    spread = 0.3 if config.framing else 0.05
    half = math.tan(field_of_view / 2) * distance
    target = centre + rng.uniform(-spread, spread, 3) * half * min(1.0, 1.3 - min(share, 1.1))
    eye = target + distance * direction
    eye[2] = min(max(eye[2], 0.06 if table else 0.12), 1.9 if table else 2.2)
    eye[1] = min(eye[1], bounds[1, 1] - 0.1)
    view = looking_at(eye, target, field_of_view, rng.normal(0, 0.05))
    return view, (target, float(np.linalg.norm(eye - target)), field_of_view)


def _shaken(rng: Generator, view: View, pixels: float) -> View:
    """The view of a camera that turned a little: by so many pixels of 180."""
    shift = rng.normal(0, pixels, 2) * 2 / 180
    angle = rng.normal(0, pixels) / 180
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    matrix = view.matrix.copy()
    matrix[:2] = turn @ view.matrix[:2] + shift[:, None] * view.matrix[3]  # of the image, so times the divisor
    return replace(view, matrix=matrix)


def _contents(rng: Generator, body: Articulated, positions: dict[str, float]) -> dict[str, list[Mesh]]:
    """Things in drawers, which move with them, and behind doors on shelves, by link."""
    contents: dict[str, list[Mesh]] = {}
    root = body.model.root
    holder = root if root in body.meshes else next(iter(body.meshes))
    start = body.poses(positions)
    base = inverse(start[holder])
    closed = body.poses({})
    whole = body.bounds({})
    for joint in body.movable:
        if joint.child not in body.meshes or rng.random() < 0.35:
            continue
        low, high = body.bounds({}, [joint.child])
        if min(high[0] - low[0], high[2] - low[2]) < 0.12:
            continue
        slides = joint.type == "prismatic"
        link = joint.child if slides else holder
        frame = inverse(closed[joint.child]) if slides else base
        deep = high[1] - low[1] if slides else 0.7 * (whole[1, 1] - low[1])
        if deep < 0.1:
            continue
        shelf = low[2] + (0.03 if slides or rng.random() < 0.4 else rng.uniform(0.2, 0.6) * (high[2] - low[2]))
        some: list[Mesh] = []
        if not slides:
            board = next(iter(body.meshes[holder])).surface
            size = (high[0] - low[0] - 0.02, deep, 0.015)
            some.append(box(size, ((low[0] + high[0]) / 2, low[1] + 0.06 + deep / 2, shelf - 0.008), board))
        room = (0.7 if slides else 0.9) * (high[2] - shelf)
        for _ in range(int(rng.integers(1, 6))):
            spot = (rng.uniform(low[0] + 0.08, high[0] - 0.08) if high[0] - low[0] > 0.18 else (low[0] + high[0]) / 2,
                    low[1] + 0.06 + rng.uniform(0.15, 0.85) * deep, shelf)  # fmt: skip
            scale = np.diag([*[float(min(room / 0.3, 1.0))] * 3, 1.0])
            some += rooms.placed(small_thing(rng), turned(rng.uniform(0, 6), spot) @ scale)
        contents.setdefault(link, []).extend(rooms.placed(some, frame))
    return {link: joined(some) for link, some in contents.items()}


def _film(
    rng: Generator,
    library: Library,
    config: RenderedPairConfig,
    resolution: int,
    shot: Shot,
    subject: Subject,
    focus: tuple[Floats, float, float],
    stays: bool,
) -> RenderedPair | None:
    """Draw what is staged; None where what moved is hardly to be seen."""
    draw = renderer()
    side = resolution * OVERSAMPLING
    small = 96
    plain = [draw.bodies(shot.items(index), shot.views[index], small) == MOVED for index in range(2)]
    shares = [float(mask.mean()) for mask in plain]
    if not stays and not (min(shares) >= LEAST_SHARE and max(shares) <= MOST_SHARE):
        return None
    if config.agents and rng.random() < 0.62:
        _enter(rng, shot, subject, focus)
        for index in range(2):
            seen = draw.bodies(shot.items(index), shot.views[index], small)
            left = (seen == MOVED).mean() >= max(LEAST_LEFT * shares[index], LEAST_SHARE)
            if (seen == AGENT).mean() > MOST_AGENT or not (stays or left):
                draw.store.forget([mesh for meshes in shot.agents for mesh in meshes])
                shot.agents = ([], [])
                break
    light = rooms.lighting(rng, library.stock)
    target, distance, angle = focus
    radius = float(np.clip(1.3 * distance * math.tan(angle / 2), 0.35, 3.5))
    images, masks = [], []
    for index in range(2):
        items = shot.items(index)
        images.append(draw.draw(items, shot.views[index], _flicker(rng, light), side, target, radius))
        masks.append(draw.bodies(items, shot.views[index], side))
    moved = np.stack([_reduced(mask == MOVED, resolution) for mask in masks])
    agent = np.stack([_reduced(mask == AGENT, resolution) for mask in masks])
    if not stays and _alike(images, masks):
        return None
    rgb = camera_effects.developed(rng, images, resolution, config)
    return RenderedPair(rgb, moved, agent)


def _flicker(rng: Generator, light: Lighting) -> Lighting:
    """The light of one of the images: nearly the same."""
    change = 1 + rng.normal(0, 0.03, (len(light.colours), 1))
    return replace(light, colours=light.colours * change)


def _alike(images: Sequence[NDArray[np.float32]], masks: Sequence[NDArray[np.uint8]]) -> bool:
    """Whether nobody could tell from the images that something moved."""
    shown = (masks[0] == MOVED) | (masks[1] == MOVED)
    first, second = (np.sqrt(np.clip(image[shown], 0, 4)) for image in images)
    change = np.abs(first - second).max(-1) / max(float(first.mean()), 1e-3)
    return bool((change > 0.08).mean() < 0.12)


def _reduced(mask: NDArray[np.bool_], resolution: int) -> NDArray[np.bool_]:
    """The mask at a lower resolution, by majority."""
    share = cv2.resize(mask.astype(np.float32), (resolution, resolution), interpolation=cv2.INTER_AREA)
    result: NDArray[np.bool_] = np.asarray(share) >= 0.5
    return result


def _enter(rng: Generator, shot: Shot, subject: Subject, focus: tuple[Floats, float, float]) -> None:
    """Let an agent enter: in one image or both, holding what moves or something else."""
    holds = _holds(rng, shot)
    away = rng.random() < 0.2
    if away:  # something else in view
        place = focus[0] + rng.normal(0, 0.35, 3) * focus[1] * math.tan(focus[2] / 2)
        place[2] = max(place[2], 0.02)
        holds = (Hold(place, holds[0].outward), Hold(place, holds[0].outward))
    floor = -0.75 if subject.place == "table" else 0.0
    eye = shot.views[0].eye
    draw: Draw | None = None
    kind = rng.random()
    if kind < 0.3:
        draw = robot_agent(rng, holds, 0.0 if subject.place == "table" else floor)
    elif kind < 0.4:
        draw = floating_gripper(rng)
    elif kind < 0.47:
        draw = stick_agent(rng, eye)
    if draw is None:
        draw = arm_agent(rng, eye, holds, floor)
    when = rng.choice(3, p=[0.22, 0.33, 0.45])  # before, after, both
    seen = [when in (index, 2) for index in range(2)]
    if when == 2 and not shot.moving and rng.random() < 0.7:  # nothing moved but the agent
        shift = rng.normal(0, 0.15, 3) * focus[1]
        holds = (holds[0], Hold(holds[1].point + shift, holds[1].outward))
    made = [joined(draw(hold)) if there else [] for hold, there in zip(holds, seen, strict=True)]
    shot.agents = (made[0], made[1])


def _holds(rng: Generator, shot: Shot) -> tuple[Hold, Hold]:
    """A place on the largest part that moves, far from its axis, before and after; without one, on any part."""
    body = shot.body
    links = [link for link in body.meshes if link in shot.moving] or [list(body.meshes)[-1]]
    sizes = [float(np.linalg.norm(np.ptp(body.bounds({}, [link]), axis=0))) for link in links]
    link = links[int(np.argmax(sizes))]
    points = np.concatenate([mesh.points for mesh in body.meshes[link]]).astype(np.float64)
    normals = np.concatenate([mesh.vertices[:, 3:6] for mesh in body.meshes[link]]).astype(np.float64)
    joint = next((joint for joint in body.movable if joint.child == link), None)
    pose = shot.poses[0] @ body.poses(shot.positions[0])[link]
    to_eye = pose[:3, :3].T @ (shot.views[0].eye - pose[:3, :3] @ points.mean(axis=0) - pose[:3, 3])
    to_eye = to_eye / np.linalg.norm(to_eye)
    score = points @ to_eye + rng.normal(0, 0.02, len(points))
    if joint is not None and joint.type != "prismatic":
        arm = np.linalg.norm(np.cross(points, joint.axis), axis=1)
        score = 0.6 * score + arm
    place = int(np.argmax(score))
    normal = normals[place] if normals[place] @ to_eye > 0 else -normals[place]
    outward = normal + 0.6 * to_eye
    made = []
    for index in range(2):
        pose = shot.poses[index] @ body.poses(shot.positions[index])[link]
        way = pose[:3, :3] @ outward
        made.append(Hold(pose[:3, :3] @ points[place] + pose[:3, 3], way / np.linalg.norm(way)))
    return made[0], made[1]
