"""Choosing an action: one pass against the paper's eight rotated ones, and against the batch size."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import torch

from atp.acting.selection import best_actions
from atp.agent import Agent
from atp.networks.encoding import image_tensor, memory_tensor
from atp.results.bench import ActingTimes
from atp.types import Observation
from envs.play import ArticulatedPlay
from train.bench.measuring import in_turns, median_ms, median_ratio

#: Options of the agent for each way to choose an action.
WAYS: dict[str, dict[str, Any]] = {
    "one_pass": {"symmetries": 1},
    "eight_views": {"symmetries": 8},
    "rotated_passes": {"rotated_passes": True},
}
BATCHES = (1, 4, 16)


def bench_acting(weights: str, repeats: int, choices: int, seed: int, device: str = "cpu") -> ActingTimes:
    """Ways to choose an action, in turns, on one core or on the GPU.

    Args:
        weights: Weights that choose.
        repeats: Measurements; medians are reported.
        choices: Actions of a measurement.
        seed: Decides the images.
        device: Where to compute.

    Returns:
        ``choice_ms`` and ``choice_over_one_pass`` by way; ``batch_ms``, milliseconds for each of a batch.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in an evaluation, which gives each core a process
    try:
        agent = Agent.from_pretrained(weights, device)
        images = _images(choices, seed)
        ways = {name: _chooser(agent, images, settings) for name, settings in WAYS.items()}
        batches = {str(size): _batched(agent, images, size) for size in BATCHES}
        in_turns({**ways, **batches}, 1)  # warm up
        seconds = in_turns({**ways, **batches}, repeats)
    finally:
        torch.set_num_threads(threads)
    return ActingTimes(
        device=device,
        choices=choices,
        choice_ms={name: median_ms(seconds, name, choices) for name in WAYS},
        choice_over_one_pass={name: median_ratio(seconds, name, "one_pass") for name in WAYS},
        batch_ms={str(size): median_ms(seconds, str(size), size) for size in BATCHES},
    )


def _images(count: int, seed: int) -> list[Observation]:
    env = ArticulatedPlay(split="train")
    try:
        return [cast(Observation, env.reset(seed=seed + index)[0]) for index in range(count)]
    finally:
        env.close()


def _chooser(agent: Agent, images: list[Observation], settings: dict[str, Any]) -> Callable[[], float]:
    """Chooses an action for each image in one way."""
    agent = agent.replace(**settings)

    def choose() -> float:
        seconds = 0.0
        for observation in images:
            agent.reset(observation)
            began = time.perf_counter()
            agent.act(observation)
            seconds += time.perf_counter() - began
        return seconds

    return choose


def _batched(agent: Agent, images: list[Observation], size: int) -> Callable[[], float]:
    """Chooses the actions of a batch in one pass."""
    some = [images[index % len(images)] for index in range(size)]
    tensors = torch.cat([image_tensor(o["rgb"], o.get("depth")) for o in some]).to(agent.device)
    memories = torch.cat([memory_tensor(np.zeros(o["rgb"].shape[:2], np.uint8)) for o in some]).to(agent.device)

    def choose() -> float:
        began = time.perf_counter()
        best_actions(agent.interaction, tensors, memories)
        return time.perf_counter() - began

    return choose
