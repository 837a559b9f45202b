"""``atp object``: check an object that others made."""

from __future__ import annotations

from pathlib import Path

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.tree import Tree

import envs
from assets.importing.prepare import PreparedObject, prepare
from atp.commands.arguments import known_view, print_notes
from atp.commands.options.object import ObjectOptions
from atp.drawing.export import write_png
from atp.drawing.grid import strip
from atp.drawing.primitives import overlay_labels
from atp.results.object import ObjectJoint, ObjectPart, ObjectResult
from atp.types import Image

STATES = 4  # joint states in the image


def run(options: ObjectOptions) -> ObjectResult:
    """Prepare an object, render it and write what was found.

    Args:
        options: Which object and where to write.

    Returns:
        What is written as JSON.

    Raises:
        assets.importing.prepare.ObjectError: The object cannot be read; the message names the file.
    """
    view = known_view("--view", options.view)
    model = prepare(options.folder, view, options.mesh_root)
    env = gym.make(
        envs.ENV_ID, object=options.folder, mesh_root=options.mesh_root, view=view,
        resolution=options.resolution, disable_env_checker=True,
    )  # fmt: skip
    panels: list[list[Image]] = []
    views: list[NDArray[np.uint8]] = []
    try:
        for state in range(STATES):
            observation, info = env.reset(seed=options.seed + state)
            labels = info["privileged"]["labels"]
            views.append(labels)
            panels.append([observation["rgb"], overlay_labels(observation["rgb"], labels)])
    finally:
        env.close()
    image = options.out / "object.png"
    rows = [[pair[kind] for pair in panels] for kind in range(2)]
    write_png(image, strip(rows, row_captions=("image", "parts"), title=f"{model.name}: {len(model.parts)} parts"))
    result = describe(model, views[0], image)
    result.write(options.json or options.out / "object.json")
    return result


def describe(model: PreparedObject, labels: NDArray[np.uint8], image: Path) -> ObjectResult:
    """What a prepared object consists of.

    Args:
        model: The object.
        labels: (H, W) its part labels in the first image.
        image: File of the image.
    """
    parts = [
        ObjectPart(label, name, list(links), visible_pixels=int((labels == label).sum()))
        for label, (name, links) in enumerate(zip(model.part_names, model.parts, strict=True), start=1)
    ]
    joints = [
        ObjectJoint(joint.name, joint.type, joint.parent + 1, joint.child + 1, joint.lower, joint.upper)
        for joint in model.joints
    ]
    return ObjectResult(
        model.name, model.category, str(model.urdf), model.radius, model.height, parts, joints, str(image),
        list(model.notes), str(model.view),
    )  # fmt: skip


def main(options: ObjectOptions) -> None:
    """Run the command and print the tree."""
    result = run(options)
    console = Console()
    console.print(tree(prepare(options.folder, known_view("--view", options.view), options.mesh_root)))
    print_notes(console, result.notes)
    hidden = [part.name for part in result.parts if not part.visible_pixels]
    if hidden:
        console.print(
            f"not visible in this view, and so not asked for: {', '.join(hidden)}",
            highlight=False,
            soft_wrap=True,
        )
    console.print(result.image, highlight=False, soft_wrap=True)


def tree(model: PreparedObject) -> Tree:
    """The parts as a tree, every part under the one it is jointed to."""
    size = f"radius {model.radius:.2f} m, height {model.height:.2f} m"
    root = Tree(f"{model.name} ({model.category}), {size}, seen {str(model.view).replace('--', 'with --')}")
    joints = {joint.child: joint for joint in model.joints}

    def add(parent: Tree, part: int) -> None:
        links = ", ".join(model.parts[part])
        text = f"{part + 1} {model.part_names[part]} [{links}]".replace("[", r"\[")
        joint = joints.get(part)
        if joint is not None:
            unit = "m" if joint.type == "prismatic" else "rad"
            text += f" by {joint.type} {joint.name}, {joint.lower:.2f} to {joint.upper:.2f} {unit}"
        branch = parent.add(text)
        for child, below in joints.items():
            if below.parent == part:
                add(branch, child)

    for part in range(len(model.parts)):
        if part not in joints:
            add(root, part)
    return root
