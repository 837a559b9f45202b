"""A step of the environment against the calls to PyBullet in it."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from atp.playing.policies import random_action
from atp.results.bench import StepTimes
from envs.play import ArticulatedPlay
from train.bench.measuring import Seconds, median_ms, median_ratio

#: What a step must ask of PyBullet; reading states out and putting the object to rest count as overhead.
NEEDED = {"createConstraint", "changeConstraint", "stepSimulation", "removeConstraint", "getCameraImage"}


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


def record_step(env: ArticulatedPlay, action: Any) -> Recorder:
    """The calls that a step makes; what they did is undone."""
    simulator = env.simulator
    client = simulator.client
    recorder = Recorder(client)
    simulator.client = recorder
    try:
        env.try_action(action)
        simulator.render(env._scene.camera, env._scene.light)
    finally:
        simulator.client = client
    return recorder


def measure_steps(steps: int, seed: int, **options: Any) -> tuple[float, float]:
    """Seconds of ``steps`` environment steps and of the bare calls in them, measured in turns.

    Args:
        steps: How many.
        seed: Decides objects and actions.
        **options: Of the environment.
    """
    rng = np.random.default_rng(seed)
    env = ArticulatedPlay(**{"split": "train", **options})
    stepping = bare = 0.0
    truncated = True
    try:
        for step in range(steps):
            if truncated:
                observation, _ = env.reset(seed=seed + step)
            action = random_action(observation["depth"], observation["rgb"].shape[:2], rng)
            state = env.simulator.state()
            bare += record_step(env, action).replay()
            env.simulator.restore(state)
            began = time.perf_counter()
            observation, _, _, truncated, _ = env.step(action)
            stepping += time.perf_counter() - began
    finally:
        env.close()
    return stepping, bare


def bench_step(repeats: int, steps: int, seed: int) -> StepTimes:
    """A step over its floor.

    Args:
        repeats: Measurements; medians are reported.
        steps: Steps of a measurement.
        seed: Decides objects and actions.

    Returns:
        ``step_over_bare``, ``step_ms``, ``bare_ms``.
    """
    measure_steps(5, seed)  # makes the objects, and warms up
    pairs = [measure_steps(steps, seed) for _ in range(repeats)]
    seconds: Seconds = {"step": [step for step, _ in pairs], "bare": [bare for _, bare in pairs]}
    return StepTimes(
        step_over_bare=median_ratio(seconds, "step", "bare"),
        step_ms=median_ms(seconds, "step", steps),
        bare_ms=median_ms(seconds, "bare", steps),
        steps=steps,
    )
