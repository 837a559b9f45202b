"""What the environment costs over PyBullet itself, and the choice of an action over one forward pass.

    python -m train.bench --out runs/bench.json

Every figure is a ratio against a floor measured in the same run. The floor of a step is the very calls to PyBullet
that the step made and cannot do without (tie the grippers, move, simulate, let go, one picture), recorded and then
made again from the same state with nothing around them. The floor of a choice is one pass of the interaction
network, which gives all directions: the paper's eight turned passes, and the average over eight views that the agent
takes, are measured against it. Floor and rest take turns, so that a machine whose speed drifts slows both.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from rich.console import Console

from atp.agent import Agent
from atp.files import write_json
from atp.policies import random_action
from envs.play import ArticulatedPlay

#: What a step must ask of PyBullet; reading states out and putting the object to rest count as overhead.
NEEDED = {"createConstraint", "changeConstraint", "stepSimulation", "removeConstraint", "getCameraImage"}


@dataclass(frozen=True)
class BenchOptions:
    """Measure the environment against bare PyBullet, and ways to choose an action against the fastest."""

    out: Path = Path("runs/bench.json")
    """File for the figures."""
    repeats: int = 5
    """Measurements; the medians are reported."""
    steps: int = 200
    """Steps in a measurement."""
    choices: int = 20
    """Actions chosen in a measurement."""
    weights: str = "default"
    """Weights that choose them."""
    seed: int = 0
    """Decides objects and actions."""


class Recorder:
    """Stands in for the simulator's PyBullet client and notes the calls that a step needs.

    Args:
        client: The real client.
    """

    def __init__(self, client: Any) -> None:
        self.client = client
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any], Any]] = []

    def __getattr__(self, name: str) -> Any:
        function = getattr(self.client, name)
        if name not in NEEDED:
            return function

        def call(*arguments: Any, **options: Any) -> Any:
            result = function(*arguments, **options)
            self.calls.append((name, arguments, options, result if name == "createConstraint" else None))
            return result

        return call

    def replay(self) -> float:
        """Make the recorded calls again; returns the seconds they took."""
        prepared = [(getattr(self.client, name), name, a, o, r) for name, a, o, r in self.calls]
        renamed: dict[int, int] = {}  # PyBullet numbers constraints anew
        began = time.perf_counter()
        for function, name, arguments, options, result in prepared:
            if name == "createConstraint":
                renamed[result] = function(*arguments, **options)
            elif name in ("changeConstraint", "removeConstraint"):
                function(renamed[arguments[0]], *arguments[1:], **options)
            else:
                function(*arguments, **options)
        return time.perf_counter() - began


def measure_steps(steps: int, seed: int) -> tuple[float, float]:
    """Seconds of ``steps`` environment steps and of the bare calls in them, measured in turns."""
    rng = np.random.default_rng(seed)
    env = ArticulatedPlay(split="train")
    stepping = bare = 0.0
    truncated = True
    try:
        for step in range(steps):
            if truncated:
                observation, _ = env.reset(seed=seed + step)
            action = random_action(observation["depth"], observation["rgb"].shape[:2], rng)
            state, client = env.simulator.state(), env.simulator.client
            recorder = Recorder(client)
            env.simulator.client = recorder
            env.try_action(action)  # notes the calls, and undoes what they did
            env.simulator.render(env._scene.camera, env._scene.light)
            env.simulator.client = client
            bare += recorder.replay()
            env.simulator.restore(state)
            began = time.perf_counter()
            observation, _, _, truncated, _ = env.step(action)
            stepping += time.perf_counter() - began
    finally:
        env.close()
    return stepping, bare


#: Settings of the agent for each way to choose an action.
WAYS: dict[str, dict[str, Any]] = {
    "one_pass": {"symmetries": 1},
    "eight_views": {"symmetries": 8},
    "rotated_passes": {"rotated_passes": True},
}


def measure_choices(agent: Agent, choices: int, seed: int) -> dict[str, float]:
    """Seconds that ``choices`` actions take each of the ``WAYS``, measured in turns."""
    env = ArticulatedPlay(split="train")
    seconds = dict.fromkeys(WAYS, 0.0)
    try:
        for index in range(choices):
            observation, _ = env.reset(seed=seed + index)
            for name, settings in WAYS.items():
                agent.symmetries, agent.rotated_passes = 8, False
                for setting, value in settings.items():
                    setattr(agent, setting, value)
                agent.reset(observation)
                began = time.perf_counter()
                agent.act(observation)
                seconds[name] += time.perf_counter() - began
    finally:
        env.close()
    return seconds


def run(options: BenchOptions) -> dict[str, Any]:
    """Measure and write the figures.

    Args:
        options: How much to measure, and where to write.

    Returns:
        What is written as JSON: ``step_over_bare``, the median ratio; ``step_ms`` and ``bare_ms``, medians in
        milliseconds; ``ratios``, of every repeat; ``choice_ms``, medians by name of ``WAYS``; ``choice_over_one_pass``,
        their median ratios; ``repeats``, ``steps`` and ``choices``.
    """
    measure_steps(5, options.seed)  # makes the objects, and warms up
    pairs = [measure_steps(options.steps, options.seed) for _ in range(options.repeats)]
    ratios = [stepping / bare for stepping, bare in pairs]
    torch.set_num_threads(1)  # as in an evaluation, which gives each core a process
    agent = Agent.from_pretrained(options.weights, "cpu")
    measure_choices(agent, 2, options.seed)
    chosen = [measure_choices(agent, options.choices, options.seed) for _ in range(options.repeats)]
    result = {
        "step_over_bare": round(statistics.median(ratios), 4),
        "step_ms": round(statistics.median(s for s, _ in pairs) / options.steps * 1e3, 3),
        "bare_ms": round(statistics.median(b for _, b in pairs) / options.steps * 1e3, 3),
        "ratios": [round(ratio, 4) for ratio in ratios],
        "choice_ms": {
            name: round(statistics.median(c[name] for c in chosen) / options.choices * 1e3, 3)
            for name in WAYS
        },
        "choice_over_one_pass": {
            name: round(statistics.median(c[name] / c["one_pass"] for c in chosen), 3) for name in WAYS
        },
        "repeats": options.repeats,
        "steps": options.steps,
        "choices": options.choices,
    }
    write_json(options.out, result)
    return result


def main() -> None:
    """Entry point."""
    options = tyro.cli(BenchOptions)
    result = run(options)
    console = Console()
    console.print(f"environment step  {result['step_ms']:.2f} ms", highlight=False)
    console.print(f"bare PyBullet     {result['bare_ms']:.2f} ms", highlight=False)
    console.print(
        f"step over bare    {result['step_over_bare']:.3f}  (median of {result['repeats']})", highlight=False
    )
    for name, ratio in result["choice_over_one_pass"].items():
        console.print(
            f"choice, {name.replace('_', ' '):<15} {result['choice_ms'][name]:.1f} ms, {ratio:.2f} times one pass",
            highlight=False,
        )


if __name__ == "__main__":
    main()
