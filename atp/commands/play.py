"""``atp play``: one episode with one object, as pictures, a video and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from rich.console import Console

import envs
from assets.files import write_json
from atp.drawing.export import Picture, crossfade, write_png, write_video
from atp.drawing.grid import Legend, strip
from atp.drawing.primitives import HOLD_COLOUR, PUSH_COLOUR, draw_action, fit, overlay_labels, overlay_mask
from atp.playing.episode import Interaction, play_episode
from atp.playing.policies import POLICIES

FPS = 25
PANEL = 360  # pixels, side of a panel of the video


@dataclass(frozen=True)
class PlayOptions:
    """Play with one object it has never seen: a picture strip, a video and result.json."""

    category: str = "pliers"
    """Category of the object."""
    split: str = "test"
    """train, val, test, stress, or partnet-train, partnet-val or partnet-test."""
    index: int | None = None
    """Which instance; drawn by the seed if not given."""
    object: Path | None = None
    """Folder or URDF file of your own object, instead of category, split and index."""
    policy: str = "ours"
    """Name of a policy."""
    weights: str = "default"
    """Name of shipped weights, or a checkpoint folder."""
    interactions: int = 5
    """Interactions to play."""
    randomization: bool = False
    """Play under domain randomisation."""
    device: str = "auto"
    """auto, cpu or cuda."""
    out: Path = Path("runs/play")
    """Folder for strip.png, video.mp4 and result.json."""
    json: Path | None = None
    """A further file for the result."""
    seed: int = 0
    """Decides the object, its pose and joint state."""


def run(options: PlayOptions) -> dict[str, Any]:
    """Play an episode and write what happened.

    Args:
        options: What to play and where to write.

    Returns:
        What is written as ``result.json``: ``category``, ``instance``, ``policy``, ``seed``, ``num_parts`` (parts
        visible at the start), ``miou`` (at the end) and ``interactions``, a list of ``hold`` and ``push`` (row, col),
        ``direction``, ``touch`` (hold, push), ``effective``, ``optimal``, ``miou``, ``mape``, ``hd95``, ``motion_iou``
        (null where nothing moved), ``parts_found``; ``strip`` and ``video``, the files.

    Raises:
        ValueError: An option does not exist or make sense.
    """
    from atp.agent import Agent  # here, so that asking for help does not wait for PyTorch

    if options.policy not in POLICIES:
        raise ValueError(f"unknown policy {options.policy!r}: choose among {', '.join(POLICIES)}")
    agent = Agent.from_pretrained(options.weights, device=options.device)
    own = {"object": options.object} if options.object else {"split": options.split, "category": options.category}
    env = gym.make(
        envs.ENV_ID,
        interactions=options.interactions,
        randomization=options.randomization,
        resolution=agent.config.get("resolution", 90),
        disable_env_checker=True,
        **own,
    )
    try:
        choice = {} if options.object or options.index is None else {"index": options.index}
        observation, info = env.reset(seed=options.seed, options=choice)
        policy = POLICIES[options.policy](env, agent, np.random.default_rng(options.seed))
        steps = list(play_episode(env, agent, policy, observation))
    finally:
        env.close()
    result = {
        "category": info["category"],
        "instance": info["instance"],
        "policy": options.policy,
        "seed": options.seed,
        "num_parts": int(info["privileged"]["num_parts"]),
        "miou": _number(steps[-1].scores.miou),
        "interactions": [_entry(step) for step in steps],
        "strip": str(options.out / "strip.png"),
        "video": str(options.out / "video.mp4"),
    }
    title = f"{info['instance']}: {options.policy}, mIoU {steps[-1].scores.miou:.2f} after {len(steps)} interactions"
    write_png(result["strip"], draw_strip(steps, title))
    write_video(result["video"], draw_video(steps), FPS)
    for file in (options.out / "result.json", options.json):
        if file is not None:
            write_json(file, result)
    return result


def main(options: PlayOptions) -> None:
    """Run the command and say what happened."""
    result = run(options)
    console = Console()
    for number, step in enumerate(result["interactions"], start=1):
        what = "optimal" if step["optimal"] else "effective" if step["effective"] else "no new part"
        score = "-" if step["miou"] is None else f"{step['miou']:.2f}"
        console.print(
            f"{number}. hold {step['hold']} push {step['push']} towards {45 * step['direction']} degrees: {what}, "
            f"{step['parts_found']} of {result['num_parts']} parts, mIoU {score}",
            highlight=False,
            soft_wrap=True,
        )
    console.print(f"{result['strip']}  {result['video']}", highlight=False, soft_wrap=True)


def draw_strip(steps: Sequence[Interaction], title: str) -> Picture:
    """A grid with a row for each interaction: action, motion masks, part memory and true parts."""
    rows, notes = [], []
    for step in steps:
        scores = step.scores
        rows.append(
            [
                _action_picture(step),
                overlay_mask(step.before["rgb"], step.moved_before),
                overlay_mask(step.after["rgb"], step.moved_after),
                overlay_labels(step.after["rgb"], step.parts),
                overlay_labels(step.after["rgb"], step.truth["labels"]),
            ]
        )
        moved = "nothing moved" if np.isnan(scores.motion_iou) else f"motion IoU {scores.motion_iou:.2f}"
        verdict = "optimal" if scores.optimal else "effective" if scores.effective else "not effective"
        notes.append([verdict, "", moved, f"mIoU {scores.miou:.2f}", ""])
    return strip(
        rows,
        ("hold and push", "what moved: before", "what moved: after", "parts found so far", "true parts"),
        row_captions=[str(number) for number in range(1, len(steps) + 1)],
        notes=notes,
        legend=[Legend("hold", HOLD_COLOUR, "ring"), Legend("push", PUSH_COLOUR, "arrow")],
        title=title,
        panel_size=225,
    )


def draw_video(steps: Sequence[Interaction]) -> Iterator[Picture]:
    """Frames of a video: the scene with the action on the left, the parts found so far on the right."""
    known = np.zeros_like(steps[0].parts)
    for step in steps:
        memory = fit(overlay_labels(step.before["rgb"], known), PANEL)
        planned, plain = fit(_action_picture(step), PANEL), fit(step.before["rgb"], PANEL)
        after = fit(step.after["rgb"], PANEL)
        found = fit(overlay_labels(step.after["rgb"], step.parts), PANEL)
        shots = [
            *[(plain, memory)] * 8,
            *[(planned, memory)] * 20,
            *[(scene, memory) for scene in crossfade(planned, after, 12)],
            *[(after, parts) for parts in crossfade(memory, found, 8)],
            *[(after, found)] * 20,
        ]
        for left, right in shots:
            yield np.concatenate([left, right], axis=1)
        known = step.parts


def _action_picture(step: Interaction) -> Picture:
    hold, push, direction = _action(step)
    return draw_action(step.before["rgb"], hold, push, direction)


def _action(step: Interaction) -> tuple[list[int], list[int], int]:
    values = [int(value) for value in step.action]
    return values[:2], values[2:4], values[4]


def _entry(step: Interaction) -> dict[str, Any]:
    hold, push, direction = _action(step)
    scores = step.scores
    return {
        "hold": hold,
        "push": push,
        "direction": direction,
        "touch": [bool(touched) for touched in step.after["touch"]],
        "effective": scores.effective,
        "optimal": scores.optimal,
        "miou": _number(scores.miou),
        "mape": _number(scores.mape),
        "hd95": _number(scores.hd95),
        "motion_iou": _number(scores.motion_iou),
        "parts_found": len(set(np.unique(step.parts)) - {0}),
    }


def _number(value: float) -> float | None:
    """JSON has no NaN."""
    return None if np.isnan(value) else round(float(value), 6)
