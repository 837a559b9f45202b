"""Small things that lie about, and containers with lids: drawn from simple shapes with surfaces of homes."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from assets.importing.joints.parts import part_tree
from assets.importing.reading.urdf import Geometry, Joint, Link, UrdfModel, Visual, transform
from envs.rendered_pairs import finishes
from envs.rendered_pairs.articulated import Articulated
from envs.rendered_pairs.textured_meshes import Floats, Mesh, Surface, box, capsule, joined, moved, revolved

Generator = np.random.Generator


def turned(angle: float, place: Floats | tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Floats:
    """A pose (4, 4): a turn about z in radians, then a shift."""
    pose = np.eye(4)
    pose[:2, :2] = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    pose[:3, 3] = place
    return pose


def small_thing(rng: Generator) -> list[Mesh]:
    """A package, book, bottle, can, cup, bowl, ball or tool that stands on z = 0."""
    kind = int(rng.choice(6, p=[0.34, 0.14, 0.16, 0.16, 0.08, 0.12]))
    if kind == 0:
        size = rng.uniform(0.03, 0.22, 3)
        return [box(size, (0, 0, size[2] / 2), finishes.thing(rng), repeat=float(rng.uniform(0.08, 0.3)))]
    if kind == 1:
        return _books(rng)
    if kind == 2:
        return _bottle(rng)
    if kind == 3:
        return _cup(rng)
    if kind == 4:
        radius = rng.uniform(0.02, 0.11)
        tilt = np.linspace(-math.pi / 2, math.pi / 2, 14)
        ball = np.stack([radius * np.cos(tilt), radius * (1 + np.sin(tilt))], axis=1)
        return [revolved(ball, finishes.thing(rng), 20)]
    ends = rng.uniform(-0.15, 0.15, (2, 3)) * [1, 1, 0] + [0, 0, 0.012]
    return [capsule(ends[0], ends[1], rng.uniform(0.004, 0.014), rng.uniform(0.004, 0.014), finishes.plastic(rng))]


def _books(rng: Generator) -> list[Mesh]:
    meshes, level = [], 0.0
    for _ in range(int(rng.integers(1, 5))):
        size = np.array([rng.uniform(0.12, 0.22), rng.uniform(0.15, 0.3), rng.uniform(0.008, 0.045)])
        one = box(size, (0, 0, level + size[2] / 2), finishes.printed(rng), repeat=0.3)
        meshes.append(moved(one, turned(rng.normal(0, 0.2))))
        level += size[2]
    return meshes


def _bottle(rng: Generator) -> list[Mesh]:
    r, h = rng.uniform(0.025, 0.05), rng.uniform(0.1, 0.3)
    neck = r * rng.uniform(0.25, 0.6)
    profile = np.array([[0, 0], [r, 0.002], [r, 0.6 * h], [neck, 0.78 * h], [neck, 0.9 * h]])
    cap = np.array([[neck * 1.15, 0.9 * h], [neck * 1.15, h], [0, h]])
    label = np.array([[r * 1.02, 0.15 * h], [r * 1.02, 0.5 * h]])
    return [revolved(profile, finishes.plastic(rng), 18), revolved(cap, finishes.plastic(rng), 14),
            revolved(label, finishes.printed(rng), 18)]  # fmt: skip


def _cup(rng: Generator) -> list[Mesh]:
    r, h = rng.uniform(0.025, 0.12), rng.uniform(0.04, 0.14)
    low = r * rng.uniform(0.5, 1.0)
    profile = np.array([[0, 0], [low, 0], [r, h], [0.94 * r, h], [0.9 * low, 0.01], [0, 0.01]])
    return [revolved(profile, finishes.thing(rng), 22)]


def handle(rng: Generator, length: float, surface: Surface) -> list[Mesh]:
    """A bar on two feet, along x, that stands off in the direction -y, or a knob; its foot is at the origin."""
    out = rng.uniform(0.02, 0.05)
    if rng.random() < 0.25:
        r = rng.uniform(0.012, 0.022)
        knob = np.array([[0.5 * r, 0], [0.5 * r, out * 0.5], [r, out * 0.6], [r, out * 0.9], [0, out]])
        tip = np.eye(4)
        tip[:3, :3] = [[1, 0, 0], [0, 0, -1], [0, 1, 0]]
        return [moved(revolved(knob, surface, 14), tip)]
    r, half = rng.uniform(0.004, 0.011), length / 2
    bar = capsule(np.array([-half, -out, 0]), np.array([half, -out, 0]), r, r, surface, 8)
    feet = [
        capsule(np.array([s * 0.85 * half, 0, 0]), np.array([s * 0.85 * half, -out, 0]), r, r, surface, 8)
        for s in (-1, 1)
    ]
    return [bar, *feet]


def assembled(name: str, meshes: dict[str, list[Mesh]], joints: list[Joint], bare: tuple[str, ...] = ()) -> Articulated:
    """An object of meshes by link, the root first, and links without a shape."""
    visual = Visual(Geometry("sphere", (1.0,)), np.eye(4))  # stands for the meshes, which are not in a file
    links = {link: Link(link, (visual,)) for link in meshes} | {link: Link(link) for link in bare}
    model = UrdfModel(name, links, tuple(joints), next(iter(meshes)), Path(name), Path())
    return Articulated(model, part_tree(model), {link: tuple(joined(some)) for link, some in meshes.items()})


def joint_of(kind: str, parent: str, child: str, at: Floats, axis: Floats, low: float, high: float) -> Joint:
    """A joint at a point (3,) of its parent, about or along an axis (3,), with limits in radians or metres."""
    return Joint(f"{parent}-{child}", kind, parent, child, transform(at), np.asarray(axis, np.float64), low, high)


def pot(rng: Generator) -> Articulated:
    """A pot with something in it, and a lid that is lifted off and aside."""
    r, h, wall = rng.uniform(0.08, 0.17), rng.uniform(0.05, 0.2), 0.004
    shell = finishes.metallic(rng) if rng.random() < 0.6 else finishes.painted(rng)
    profile = np.array([[0, 0], [0.93 * r, 0], [r, 0.02], [r, h], [r - wall, h], [r - wall, 0.02], [0, 0.012]])
    body = [revolved(profile, shell, 32)]
    full = h * rng.uniform(0.1, 0.8)
    body.append(revolved(np.array([[0, full], [r - wall, full]]), finishes.thing(rng), 24))
    grip = finishes.metallic(rng)
    for side in (-1.0, 1.0):
        ends = np.array([[side * r, -0.03, 0.8 * h], [side * (r + 0.04), -0.03, 0.8 * h]])
        other = ends * [1, -1, 1]
        for a, b in ((ends[0], ends[1]), (ends[1], other[1]), (other[1], other[0])):
            body.append(capsule(a, b, 0.006, 0.006, grip, 8))
    lid_shape = np.array([[r, 0], [r, 0.006], [0.7 * r, 0.02], [0.05, 0.03], [0, 0.031]])
    surface = shell if rng.random() < 0.5 else finishes.metallic(rng)
    lid = [revolved(lid_shape, surface, 32)]
    knob = np.array([[0.008, 0.03], [0.008, 0.045], [0.02, 0.05], [0.02, 0.062], [0, 0.066]])
    lid.append(revolved(knob, finishes.plastic(rng), 14))
    angle = rng.uniform(0, 2 * math.pi)
    aside = np.array([math.cos(angle), math.sin(angle), 0])
    tilt = rng.uniform(0.3, 1.2)
    joints = [
        joint_of("prismatic", "body", "up", np.array([0, 0, h]), np.array([0, 0, 1.0]), 0.0, rng.uniform(0.1, 0.3)),
        joint_of("prismatic", "up", "out", np.zeros(3), aside, 0.0, rng.uniform(0.0, 0.35)),
        joint_of("revolute", "out", "lid", np.zeros(3), np.array([aside[1], -aside[0], 0]), 0.0, tilt),
    ]
    return assembled("pot", {"body": body, "lid": lid}, joints, ("up", "out"))


def lidded_box(rng: Generator) -> Articulated:
    """A chest, carton, case or bin with a hinged lid and things in it; the hinge is at the back (+y)."""
    w, d = rng.uniform(0.12, 0.5, 2)
    h = rng.uniform(0.04, 0.3)
    top = rng.uniform(0.006, 0.12) if rng.random() < 0.5 else rng.uniform(0.006, 0.02)
    t = rng.uniform(0.004, 0.014)
    outer = finishes.thing(rng) if rng.random() < 0.6 else finishes.furniture(rng)
    inner = outer if rng.random() < 0.4 else finishes.cloth(rng)
    repeat = float(rng.uniform(0.15, 0.5))
    body = tray(w, d, h, t, outer, inner, repeat)
    for _ in range(int(rng.integers(0, 5))):
        spot = rng.uniform(-0.35, 0.35, 2) * [w, d]
        scale = np.diag([*[min(0.3 * min(w, d), 0.8 * h) / 0.2] * 3, 1.0])
        body += [moved(mesh, turned(rng.uniform(0, 6), (spot[0], spot[1], t)) @ scale) for mesh in small_thing(rng)]
    cover = outer if rng.random() < 0.7 else finishes.thing(rng)
    lid = tray(w, d, top, min(t, top * 0.6), cover, inner, repeat)
    upside = np.diag([1.0, 1.0, -1.0, 1.0])
    lid = [moved(mesh, transform((0, -d / 2, top)) @ upside) for mesh in lid]
    if rng.random() < 0.5:
        clasp = finishes.metallic(rng)
        lid.append(box((0.12 * w, 0.008, 0.4 * top + 0.02), (0, -d - 0.003, 0.01), clasp))
    if rng.random() < 0.4:
        lid += [
            moved(mesh, transform((0, -d / 2, top)) @ _lying()) for mesh in handle(rng, 0.4 * w, finishes.metallic(rng))
        ]
    joint = joint_of(
        "revolute", "body", "lid", np.array([0, d / 2, h]), np.array([-1.0, 0, 0]), 0.0, rng.uniform(1.2, 2.2)
    )
    return assembled("box", {"body": body, "lid": lid}, [joint])


def _lying() -> Floats:
    """What stands off towards -y then stands off towards z."""
    pose = np.eye(4)
    pose[:3, :3] = [[1, 0, 0], [0, 0, 1], [0, -1, 0]]
    return pose


def tray(w: float, d: float, h: float, t: float, outer: Surface, inner: Surface, repeat: float) -> list[Mesh]:
    """A box without a top that stands on z = 0, with walls ``t`` thick."""
    sides = [
        ((w, d, t), (0, 0, t / 2)), ((t, d, h), (t / 2 - w / 2, 0, h / 2)), ((t, d, h), (w / 2 - t / 2, 0, h / 2)),
        ((w, t, h), (0, t / 2 - d / 2, h / 2)), ((w, t, h), (0, d / 2 - t / 2, h / 2)),
    ]  # fmt: skip
    meshes = [box(size, centre, outer, repeat) for size, centre in sides]
    meshes.append(box((w - 2 * t, d - 2 * t, 0.3 * t), (0, 0, 1.2 * t), inner, repeat))
    return meshes


def tool(rng: Generator) -> Articulated:
    """Flat bars on a table that turn about pins: folding rules, hinges, compasses, shears."""
    count = int(rng.choice([2, 2, 3, 4]))
    length, width = rng.uniform(0.07, 0.25), rng.uniform(0.01, 0.05)
    thick = rng.uniform(0.002, 0.012)
    surface = finishes.thing(rng)
    meshes: dict[str, list[Mesh]] = {}
    joints: list[Joint] = []
    crossed = count == 2 and rng.random() < 0.5
    pin = rng.uniform(0.3, 0.6) if crossed else rng.uniform(0.02, 0.06)
    for number in range(count):
        own = surface if rng.random() < 0.6 else finishes.thing(rng)
        long = length * rng.uniform(0.8, 1.2)
        shape = [box((long, width * rng.uniform(0.7, 1.1), thick), (long * (0.5 - pin), 0, thick / 2), own, 0.2)]
        head = np.array([[0.3 * width, 0], [0.3 * width, 1.5 * thick], [0, 1.5 * thick]])
        shape.append(revolved(head, finishes.metallic(rng), 12))
        if rng.random() < 0.5:
            end = np.array([long * (0.98 - pin), 0, thick / 2])
            grip = capsule(0.55 * end, end, max(thick, 0.3 * width), max(thick, 0.4 * width), finishes.plastic(rng))
            shape.append(grip)
        meshes[f"bar-{number}"] = shape
        if number:
            at = np.array(
                [0.0 if crossed else length * (0.98 - pin) * (number > 1), 0, thick * (1 if number % 2 else -1)]
            )
            low = rng.uniform(-2.6, -0.3)
            joints.append(
                joint_of(
                    "revolute",
                    f"bar-{number - 1}",
                    f"bar-{number}",
                    at,
                    np.array([0, 0, 1.0]),
                    low,
                    rng.uniform(0.3, 2.6),
                )
            )
    return assembled("tool", meshes, joints)


def screen(rng: Generator) -> Articulated:
    """A monitor on a foot, whose screen tilts, turns or is pulled down, or a laptop; its front is towards -y."""
    w = rng.uniform(0.25, 0.8)
    h = w * rng.uniform(0.35, 0.65)
    dark = Surface(finishes.hsv(rng.random(), 0.2, rng.uniform(0.02, 0.12)), None, rng.uniform(0.3, 0.9))
    glass = dark if rng.random() < 0.7 else finishes.printed(rng)
    shell = finishes.painted(rng)
    panel = [box((w, 0.02, h), (0, 0, h / 2), shell), box((0.95 * w, 0.004, 0.92 * h), (0, -0.011, h / 2), glass, w)]
    if rng.random() < 0.5:  # a laptop
        d = h * 1.05
        keys = box((0.9 * w, 0.5 * d, 0.002), (0, -0.4 * d, 0.019), finishes.printed(rng), 0.3)
        body = [box((w, d, 0.018), (0, -d / 2, 0.009), shell), keys]
        joint = joint_of("revolute", "body", "screen", np.array([0, 0, 0.02]), np.array([-1.0, 0, 0]), -1.5, 0.5)
        return assembled("laptop", {"body": body, "screen": panel}, [joint])
    foot = rng.uniform(0.08, 0.25)
    body = [
        box((0.4 * w, 0.2, 0.015), (0, 0.05, 0.0075), shell),
        box((0.06, 0.03, foot + h / 2), (0, 0.05, (foot + h / 2) / 2), shell),
    ]
    kind = int(rng.integers(3))
    axis = np.eye(3)[[0, 2, 2][kind]]
    panel = [moved(mesh, transform((0, 0, -h / 2))) for mesh in panel]
    low, high = [(-0.5, 0.3), (-1.0, 1.0), (-0.9 * foot, 0.1)][kind]
    at = np.array([0, 0.01, foot + h / 2])
    joint = joint_of("prismatic" if kind == 2 else "revolute", "body", "screen", at, axis, low, high)
    return assembled("monitor", {"body": body, "screen": panel}, [joint])
