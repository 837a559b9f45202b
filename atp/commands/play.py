"""``atp play``: one episode with one object, as images, a video and JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
from rich.console import Console

from assets.importing.prepare import ObjectError, PreparedObject, prepare
from atp.articulation.articulated_model import Articulation, JointEntry
from atp.articulation.observations import Intrinsics
from atp.articulation.urdf_writer import write_urdf
from atp.commands.arguments import known_policy, known_view, naming, print_notes
from atp.commands.loading import load_agent, one_object
from atp.commands.options.play import PlayOptions
from atp.drawing.export import write_png, write_video
from atp.drawing.film import FPS
from atp.drawing.interactions import Found, ShownInteraction, agent_strip, memory_video
from atp.drawing.mask_files import MaskFolder
from atp.drawing.panel import ENLARGEMENT, Panel
from atp.frame_action import FrameAction
from atp.playing.episode import Interaction, play_episode
from atp.playing.policies import make_policy
from atp.results.play import PlayedInteraction, PlayResult

if TYPE_CHECKING:
    from atp.agent import Agent

#: Longer side of model.png in pixels.
MODEL_SIZE = 720


def run(options: PlayOptions) -> PlayResult:
    """Play an episode and write what happened.

    Args:
        options: What to play and where to write.

    Returns:
        What is written as ``result.json``.

    Raises:
        ValueError: An option does not exist or make sense.
    """
    known_policy("--policy", options.policy)  # a wrong name is an error before anything is loaded
    view = known_view("--view", options.view)
    if options.interactions < 1:
        raise ValueError(f"--interactions must be at least 1, not {options.interactions}")
    if options.object is not None:
        with naming("--object"):
            require_parts(prepare(options.object, view, options.mesh_root))
    agent = load_agent(options.weights, options.device)
    with one_object(
        options.object, options.split, options.category, options.index, options.seed, resolution=agent.resolution,
        interactions=options.interactions, randomization=options.randomization, mesh_root=options.mesh_root, view=view,
    ) as (env, observation, info):  # fmt: skip
        policy = make_policy(options.policy, env, agent, np.random.default_rng(options.seed))
        steps, models = [], []
        for step in play_episode(env, agent, policy, observation):
            steps.append(step)
            models.append(known_model(agent, env))
        if options.model:
            write_model(agent, models[-1], options.out)
    result = PlayResult(
        category=info["category"],
        instance=info["instance"],
        policy=options.policy,
        seed=options.seed,
        num_parts=int(info["privileged"]["num_parts"]),
        miou=_number(steps[-1].scores.miou),
        interactions=[_entry(step) for step in steps],
        strip=str(options.out / "strip.png"),
        video=str(options.out / "video.mp4"),
    )
    title = f"{info['instance']}: {options.policy}, mIoU {steps[-1].scores.miou:.2f} after {len(steps)} interactions"
    shown = shown_interactions(steps, models)
    action_size = ENLARGEMENT * max(shown[0].before.shape[:2])
    write_png(result.strip, agent_strip(shown, title=title, panel_size=225, action_size=action_size))
    write_video(result.video, memory_video(shown, action_size=action_size), FPS)
    write_masks(steps, options.out / "masks")
    for file in (options.out / "result.json", options.json):
        if file is not None:
            result.write(file)
    return result


def main(options: PlayOptions) -> None:
    """Run the command and say what happened."""
    result = run(options)
    console = Console()
    if options.object is not None:
        print_notes(console, prepare(options.object, known_view("--view", options.view), options.mesh_root).notes)
    for number, step in enumerate(result.interactions, start=1):
        what = outcome(step.effective, step.optimal)
        score = "-" if step.miou is None else f"{step.miou:.2f}"
        console.print(
            f"{number}. hold {list(step.hold)} push {list(step.push)} towards {45 * step.direction} degrees: {what}, "
            f"{step.parts_found} of {result.num_parts} parts, mIoU {score}",
            highlight=False,
            soft_wrap=True,
        )
    files = [result.strip, result.video]
    if options.model:
        model = Articulation.read(options.out / "articulation.json")
        for joint in model.joints:
            console.print(_told(joint), highlight=False, soft_wrap=True)
        files += [str(options.out / name) for name in ("model.png", "object.urdf") if (options.out / name).is_file()]
    console.print("  ".join(files), highlight=False, soft_wrap=True)


def outcome(effective: bool, optimal: bool) -> str:
    """What an interaction was, in the same words on the terminal and in images."""
    return "optimal" if optimal else "effective" if effective else "not effective"


def write_masks(steps: Sequence[Interaction], folder: Path) -> None:
    """Write what the agent saw moving before and after each interaction, and the parts it then knew.

    Args:
        steps: The interactions.
        folder: Where to; see :class:`atp.drawing.mask_files.MaskFolder`.
    """
    masks = MaskFolder(folder)
    for number, step in enumerate(steps, start=1):
        masks.moved(f"{number}-before", step.before["rgb"], step.moved_before)
        masks.moved(f"{number}-after", step.after["rgb"], step.moved_after)
        masks.labelled(f"{number}-parts", step.after["rgb"], step.parts)
    masks.finish()


def known_model(agent: Agent, env: gym.Env[Any, Any]) -> Articulation:
    """What an agent knows of the joints of the object that it plays with, in the world of the environment."""
    camera = env.unwrapped.camera  # type: ignore[attr-defined]
    intrinsics = Intrinsics.centred((camera.height, camera.width), camera.focal)
    return agent.articulation(intrinsics, (camera.position, camera.rotation))


def write_model(agent: Agent, model: Articulation, folder: Path) -> None:
    """Write a model of the object that an agent has just played with.

    Args:
        agent: The agent, for the last image and its parts.
        model: The model.
        folder: Where to write ``articulation.json``, ``model.png`` and, where there is depth and a part,
            ``object.urdf`` and its meshes.
    """
    model.write(folder / "articulation.json")
    assert agent.play_record is not None
    frame = agent.play_record.frames[-1]
    write_png(folder / "model.png", Panel(frame.rgb, labels=agent.parts, joints=model).draw(MODEL_SIZE))
    urdf = folder / "object.urdf"
    if model.root is not None and model.camera is not None:
        write_urdf(model, frame, urdf)
    else:
        urdf.unlink(missing_ok=True)  # that of another episode


def _told(joint: JointEntry) -> str:
    """A joint in words."""
    where = f"part {joint.child} on part {joint.parent}: {joint.type}"
    if joint.lower is None or joint.upper is None:
        return where
    moved = joint.upper - joint.lower
    seen = f"{math.degrees(moved):.0f} degrees" if joint.type == "revolute" else f"{100 * moved:.1f} cm"
    return f"{where}, seen over {seen}"


def require_parts(model: PreparedObject) -> None:
    """Refuse an object that is one rigid body.

    Raises:
        ObjectError: The object has one part, so that there is nothing to find; the message says why.
    """
    if len(model.parts) < 2:
        reasons = "".join(f"; {note}" for note in model.notes)
        raise ObjectError(
            f"{model.name}: no joint moves a part, so there is nothing to find{reasons} (`atp object` shows it)"
        )


def shown_interactions(steps: Sequence[Interaction], models: Sequence[Articulation]) -> list[ShownInteraction]:
    """What is shown of each interaction, with the model as it was known after it."""
    shown = []
    for step, model in zip(steps, models, strict=True):
        scores = step.scores
        moved = "nothing moved" if np.isnan(scores.motion_iou) else f"motion IoU {scores.motion_iou:.2f}"
        found = Found(step.moved_before, step.moved_after, step.parts, ("", moved, f"mIoU {scores.miou:.2f}"), model)
        shown.append(
            ShownInteraction(
                step.before["rgb"],
                step.after["rgb"],
                {"agent": found},
                FrameAction.of(step.action),
                true_parts=step.truth["labels"],
                note=outcome(scores.effective, scores.optimal),
            )
        )
    return shown


def _entry(step: Interaction) -> PlayedInteraction:
    hold_row, hold_col, push_row, push_col, direction = (int(value) for value in step.action)
    held, pushed = (bool(touched) for touched in step.after["touch"])
    scores = step.scores
    return PlayedInteraction(
        hold=(hold_row, hold_col),
        push=(push_row, push_col),
        direction=direction,
        touch=(held, pushed),
        effective=scores.effective,
        optimal=scores.optimal,
        miou=_number(scores.miou),
        mape=_number(scores["mape"]),
        hd95=_number(scores["hd95"]),
        motion_iou=_number(scores.motion_iou),
        parts_found=len(set(np.unique(step.parts)) - {0}),
    )


def _number(value: float) -> float | None:
    """JSON has no NaN."""
    return None if np.isnan(value) else round(float(value), 6)
