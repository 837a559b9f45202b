"""``atp maps``: what the interaction network expects of holds and, given a hold, of pushes, as an image."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from atp.commands.arguments import known_view
from atp.commands.loading import load_agent, one_object
from atp.commands.options.maps import MapsOptions
from atp.drawing.export import write_png
from atp.drawing.reward_heat import ShownHold, draw_reward_maps
from atp.frame_action import FrameAction
from atp.results.maps import HeldPart, MapsResult


def run(options: MapsOptions) -> MapsResult:
    """Draw the reward maps of a scene.

    Args:
        options: What to look at and where to write.

    Returns:
        What is written as ``maps.json``.

    Raises:
        ValueError: An option does not exist or make sense, or the agent was trained without holding.
    """
    from atp.playing.reward_maps import best_push, reward_maps  # here: asking for help does not wait for PyTorch

    agent = load_agent(options.weights, options.device)
    if not agent.options.hold:
        raise ValueError(f"--weights: {options.weights} was trained without holding: no maps for different holds")
    with one_object(
        options.object,
        options.split,
        options.category,
        options.index,
        options.seed,
        resolution=agent.resolution,
        view=known_view("--view", options.view),
    ) as (_, observation, info):
        labels = info["privileged"]["labels"]  # for the image alone: which part is held
    parts = [int(part) for part in np.unique(labels) if part]
    if not parts:
        raise ValueError("no part of the object is in view; choose another --seed")
    hold_map = reward_maps(agent, observation, [(0, 0)]).hold
    holds = [_best_hold(hold_map, labels, part) for part in parts]
    maps = reward_maps(agent, observation, holds)
    entries = []
    for part, hold, push in zip(parts, holds, maps.push, strict=True):
        row, col, direction = best_push(push)
        entries.append(
            HeldPart(
                part=part,
                hold=hold,
                hold_reward=round(float(maps.hold[hold]), 6),
                push=(row, col),
                direction=direction,
                push_reward=round(float(push.max()), 6),
                pushed_part=int(labels[row, col]),
                reward_by_part={str(p): round(float(push.max(0)[labels == p].max()), 6) for p in parts},
            )
        )
    path = str(options.out / "maps.png")
    result = MapsResult(info["category"], info["instance"], options.seed, path, entries)
    pushes = [_shown(entry, push) for entry, push in zip(entries, maps.push, strict=True)]
    write_png(path, draw_reward_maps(observation["rgb"], maps.hold, pushes, f"{info['instance']}: expected reward"))
    for file in (options.out / "maps.json", options.json):
        if file is not None:
            result.write(file)
    return result


def main(options: MapsOptions) -> None:
    """Run the command and say what the best push is under each hold."""
    result = run(options)
    console = Console()
    for entry in result.holds:
        where = f"part {entry.pushed_part}" if entry.pushed_part else "the background"
        console.print(
            f"holding part {entry.part} at {list(entry.hold)} ({entry.hold_reward:.2f}): best push "
            f"{list(entry.push)} on {where} towards {45 * entry.direction} degrees ({entry.push_reward:.2f})",
            highlight=False,
            soft_wrap=True,
        )
    console.print(result.image, highlight=False, soft_wrap=True)


def _shown(entry: HeldPart, push: NDArray[np.float32]) -> ShownHold:
    action = FrameAction(entry.hold, entry.push, entry.direction)
    return ShownHold(push, action, f"where to push, part {entry.part} held", f"best push {entry.push_reward:.2f}")


def _best_hold(values: NDArray[np.float32], labels: NDArray[np.uint8], part: int) -> tuple[int, int]:
    """The pixel of a part with the largest value, among those away from the other parts: not on a hinge."""
    mask = labels == part
    others = (labels > 0) & ~mask
    distance = cv2.distanceTransform((~others).astype(np.uint8), cv2.DIST_L2, 5)
    away = mask & (distance >= distance[mask].max() / 2)
    row, col = np.unravel_index(int(np.where(away, values, -1).argmax()), values.shape)
    return int(row), int(col)
