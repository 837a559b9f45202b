"""Who moves things: arms with hands, persons, sticks, and where they hold. They are never part of what moved.

An agent is drawn from the place where it holds and the way out from the surface there, in the world, metres.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from envs.rendered_pairs import finishes
from envs.rendered_pairs.textured_meshes import Floats, Mesh, Surface, box, capsule, frame, moved, revolved

Generator = np.random.Generator

UP = np.array([0.0, 0.0, 1.0])

UPPER_ARM, FOREARM, GRIP = 0.30, 0.26, 0.12  # lengths in metres; of the hand from the wrist to what it holds


@dataclass(frozen=True, eq=False)
class Hold:
    """Where an agent holds.

    Attributes:
        point: (3,) metres.
        outward: (3,) unit vector away from the surface.
    """

    point: Floats
    outward: Floats


#: Draws an agent at a hold: the same one wherever that is.
Draw = Callable[[Hold], list[Mesh]]


def skin(rng: Generator) -> Surface:
    """Of any tone."""
    return Surface(finishes.hsv(rng.uniform(0.025, 0.075), rng.uniform(0.28, 0.6), rng.uniform(0.3, 0.95)), None, 0.22)


@dataclass(frozen=True, eq=False)
class Looks:
    """How a person looks."""

    skin: Surface
    hand: Surface
    sleeve: Surface
    trousers: Surface
    hair: Surface
    bare: float
    thick: float

    @classmethod
    def sample(cls, rng: Generator) -> Looks:
        """Of any tone and in any clothes; a glove now and then."""
        own = skin(rng)
        glove = rng.random() < 0.15
        hand = (finishes.cloth if rng.random() < 0.5 else finishes.plastic)(rng) if glove else own
        hair = Surface(finishes.hsv(rng.uniform(0.03, 0.1), rng.uniform(0, 0.6), rng.uniform(0.03, 0.5)))
        bare = rng.choice([0.0, 0.55, 1.0], p=[0.4, 0.2, 0.4])  # share of the forearm without a sleeve
        return cls(own, hand, finishes.cloth(rng), finishes.cloth(rng), hair, float(bare), rng.uniform(0.85, 1.2))


def hand(rng: Generator, looks: Looks) -> list[Mesh]:
    """A hand: its wrist at the origin, fingers along z, the palm towards y; it holds at (0, 0.035, GRIP)."""
    s, wide = looks.thick, 0.021 * looks.thick
    curl = rng.uniform(0.25, 0.95) if rng.random() < 0.75 else rng.uniform(0.0, 0.2)
    spread = rng.uniform(0.0, 0.12)
    mirror = rng.choice([-1.0, 1.0])
    meshes = [capsule(np.array([0, 0, -0.02]), np.array([0, 0.002, 0.04]), 0.026 * s, 0.03 * s, looks.hand)]
    for index, length in enumerate((0.9, 1.0, 0.95, 0.75)):
        x = mirror * (index - 1.5) * wide
        root = np.array([x, 0.0, 0.088 - 0.005 * abs(index - 1.2)])
        meshes.append(capsule(np.array([0.55 * x, 0, 0.012]), root, 0.0155 * s, 0.0118 * s, looks.hand, 10))
        angle, place = 0.15 + rng.normal(0, 0.06), root
        for bone, part in ((0.043, 0.0095), (0.027, 0.0085), (0.021, 0.0075)):
            angle += curl * rng.uniform(0.8, 1.15)
            side = mirror * (index - 1.5) * spread
            step = bone * length * np.array([side, math.sin(angle), math.cos(angle)])
            meshes.append(capsule(place, place + step, (part + 0.001) * s, part * s, looks.hand, 10))
            place = place + step
    root = np.array([-mirror * 0.024, 0.006, 0.022])
    bend = rng.uniform(0.2, 0.9)
    knee = root + np.array([-mirror * 0.026 * (1 - 0.5 * bend), 0.024, 0.036])
    tip = knee + np.array([mirror * 0.012 * bend, 0.016 + 0.01 * bend, 0.028])
    meshes += [
        capsule(root, knee, 0.0155 * s, 0.0115 * s, looks.hand, 10),
        capsule(knee, tip, 0.0108 * s, 0.009 * s, looks.hand, 10),
    ]
    return meshes


def arm(rng: Generator, looks: Looks, shoulder: Floats, hold: Hold) -> list[Mesh]:
    """An arm from a shoulder (3,) to a hold; it is stretched where the hold is too far."""
    reach = hold.point - shoulder
    towards = reach / np.linalg.norm(reach)
    towards = towards - 0.5 * hold.outward + rng.normal(0, 0.15, 3)
    towards /= np.linalg.norm(towards)
    palm = np.cross(towards, rng.normal(0, 0.5, 3) + UP)
    pose = frame(towards, np.zeros(3), np.cross(palm, towards) if rng.random() < 0.5 else palm)
    pose[:3, 3] = hold.point - pose[:3, :3] @ [0, 0.035, GRIP]
    meshes = [moved(mesh, pose) for mesh in hand(rng, looks)]
    wrist = pose[:3, 3]
    elbow = _elbow(shoulder, wrist, rng)
    s = looks.thick
    cuff = elbow + (wrist - elbow) * (1 - looks.bare)
    meshes.append(capsule(elbow, wrist, 0.044 * s, 0.027 * s, looks.skin, 16))
    if looks.bare < 1:
        meshes.append(capsule(elbow, cuff - 0.01 * towards, 0.056 * s, 0.04 * s, looks.sleeve, 16))
    meshes.append(capsule(shoulder, elbow, 0.068 * s, 0.056 * s if looks.bare < 1 else 0.047 * s, looks.sleeve, 16))
    return meshes


def _elbow(shoulder: Floats, wrist: Floats, rng: Generator) -> Floats:
    """Where the elbow is: beside the line from shoulder to wrist, below it most often."""
    line = wrist - shoulder
    length = float(np.linalg.norm(line))
    stretch = max(1.0, length / (0.98 * (UPPER_ARM + FOREARM)))
    a, b = UPPER_ARM * stretch, FOREARM * stretch
    along = (a * a - b * b + length * length) / (2 * length)
    off = math.sqrt(max(a * a - along * along, 0.0))
    down = np.array([0.0, 0.0, -1.0]) + rng.normal(0, 0.4, 3)
    down -= line * float(down @ line) / length**2
    return np.asarray(shoulder + line * along / length + off * down / max(float(np.linalg.norm(down)), 1e-6))


def person(rng: Generator, looks: Looks, shoulder: Floats, facing: Floats, floor: float) -> list[Mesh]:
    """Torso, head and legs of who has a shoulder (3,) there and faces a direction (3,); the floor's height."""
    ahead = facing * [1, 1, 0]
    ahead = ahead / max(float(np.linalg.norm(ahead)), 1e-6)
    left = np.array([-ahead[1], ahead[0], 0.0]) * rng.choice([-1.0, 1.0])
    chest = shoulder + 0.19 * left - 0.02 * ahead
    other = shoulder + 0.38 * left
    hip = chest - 0.48 * UP
    meshes = [capsule(chest - 0.1 * UP, hip, 0.15, 0.14, looks.sleeve, 18)]
    meshes.append(capsule(shoulder + 0.03 * left, other, 0.075, 0.075, looks.sleeve, 14))
    meshes += [
        capsule(chest + 0.08 * k * left - [0, 0, 0.08], hip + 0.07 * k * left, 0.13, 0.12, looks.sleeve, 16)
        for k in (-1, 1)
    ]
    meshes.append(capsule(chest, chest + 0.12 * UP, 0.055, 0.05, looks.skin, 12))
    head = chest + 0.24 * UP + 0.04 * ahead
    meshes.append(capsule(head - 0.05 * UP, head + 0.05 * UP, 0.075, 0.085, looks.skin, 16))
    meshes.append(capsule(head + 0.04 * UP - 0.02 * ahead, head + 0.07 * UP, 0.09, 0.088, looks.hair, 16))
    elbow = other - 0.3 * UP + 0.05 * left
    meshes.append(capsule(other, elbow, 0.065, 0.05, looks.sleeve, 14))
    meshes.append(capsule(elbow, elbow - 0.2 * UP + 0.15 * ahead - 0.05 * left, 0.045, 0.03, looks.skin, 12))
    for k in (-1, 1):
        top = hip + 0.08 * k * left
        meshes.append(
            capsule(top, np.array([top[0], top[1], min(floor + 0.05, top[2] - 0.1)]), 0.1, 0.055, looks.trousers, 14)
        )
    return meshes


def arm_agent(rng: Generator, eye: Floats, holds: tuple[Hold, Hold], floor: float) -> Draw:
    """Somebody whose arm comes into view: who films, or who stands beside.

    Args:
        rng: Source of every choice.
        eye: (3,) of the camera.
        holds: Before and after; the shoulder stays about where it can reach both.
        floor: Height of the floor, metres.
    """
    looks = Looks.sample(rng)
    middle = (holds[0].point + holds[1].point) / 2
    back = (eye - middle) * [1, 1, 0]
    back = back / max(float(np.linalg.norm(back)), 1e-6)
    distance = float(np.linalg.norm(eye - middle))
    films = distance < 0.95 and rng.random() < 0.6
    if films:
        side = np.array([-back[1], back[0], 0.0]) * rng.choice([-1.0, 1.0])
        shoulder = eye + 0.24 * side - [0, 0, 0.2] + 0.05 * back
    else:
        angle = rng.choice([-1.0, 1.0]) * rng.uniform(0.35, 1.9)
        turn = np.array([[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0], [0, 0, 1]])
        away = turn @ back
        if away @ holds[0].outward < 0:  # not within the furniture
            away = away - 1.3 * (away @ holds[0].outward) * holds[0].outward
        low = max(-0.15, 0.9 + floor - middle[2])
        shoulder = middle + rng.uniform(0.32, 0.5) * away + [0, 0, rng.uniform(low, max(low, 0.35) + 0.1)]
    two = rng.random() < 0.2
    body = not films and rng.random() < 0.75
    seed = int(rng.integers(1 << 30))

    def draw(hold: Hold) -> list[Mesh]:
        far = hold.point - shoulder
        length = float(np.linalg.norm(far))
        most = UPPER_ARM + FOREARM + 0.6 * GRIP
        place = shoulder + far / length * max(length - most, 0.0)
        same = np.random.default_rng(seed)
        meshes = arm(same, looks, place, hold)
        if body:
            meshes += person(same, looks, place, hold.point - place, floor)
        if two:
            side = np.cross(hold.outward, [0, 0, 1.0]) * same.choice([-1.0, 1.0])
            beside = Hold(hold.point + same.uniform(0.1, 0.25) * side + [0, 0, same.normal(0, 0.05)], hold.outward)
            meshes += arm(same, looks, place + 0.35 * side, beside)
        return meshes

    return draw


def stick_agent(rng: Generator, eye: Floats) -> Draw:
    """A stick or a reaching tool that comes from outside the view."""
    surface = finishes.wooden(rng) if rng.random() < 0.5 else finishes.metallic(rng)
    radius = rng.uniform(0.006, 0.02)
    start = rng.normal(0, 0.5, 3) + 0.5 * UP
    ends = rng.random() < 0.4
    tip = finishes.plastic(rng)

    def draw(hold: Hold) -> list[Mesh]:
        away = start + 0.8 * (eye - hold.point) / max(float(np.linalg.norm(eye - hold.point)), 1e-6) + hold.outward
        away = away / np.linalg.norm(away)
        end = hold.point + 1.5 * away
        meshes = [capsule(hold.point + 0.01 * hold.outward, end, radius, radius, surface)]
        if ends:
            meshes.append(capsule(hold.point, hold.point + 0.08 * away, 1.6 * radius, 1.6 * radius, tip))
        return meshes

    return draw


def gripper(rng: Generator, surface: Surface, pads: Surface) -> list[Mesh]:
    """Two fingers on a block: its mount at the origin, fingers along z, which hold at (0, 0, 0.15)."""
    gap = rng.uniform(0.008, 0.04)
    wide = rng.uniform(0.07, 0.12)
    meshes = [
        box((wide, 0.05, 0.06), (0, 0, 0.04), surface),
        revolved(np.array([[0.032, 0], [0.032, 0.02]]), surface, 18),
    ]
    for side in (-1, 1):
        meshes.append(box((0.016, 0.022, 0.06), (side * (gap + 0.01), 0, 0.1), surface))
        meshes.append(box((0.01, 0.02, 0.045), (side * (gap + 0.006), 0, 0.145), pads))
    return meshes
