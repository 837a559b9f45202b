"""Episodes of the environment as values that can be compared to the byte."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np


def flat(value, name=""):
    """Every array and number of an observation or info as (name, type, bytes)."""
    if isinstance(value, dict):
        return [entry for key in sorted(value) for entry in flat(value[key], f"{name}/{key}")]
    if isinstance(value, np.ndarray):
        return [(name, str(value.dtype), value.shape, value.tobytes())]
    return [(name, type(value).__name__, (), repr(value))]


def action_on_object(info, rng):
    labels = info["privileged"]["labels"]
    hold, push = rng.choice(np.flatnonzero(labels), 2)
    width = labels.shape[1]
    return np.array([*divmod(hold, width), *divmod(push, width), rng.integers(8)])


def episode(env, seed, options=None):
    """Everything that an episode of actions drawn from ``seed`` gives, to the byte."""
    rng = np.random.default_rng(seed)
    observation, info = env.reset(seed=seed, options=options)
    record = [flat(observation), flat(info)]
    for _ in range(env.unwrapped.interactions):
        observation, reward, terminated, truncated, info = env.step(action_on_object(info, rng))
        record += [flat(observation), flat(info), [reward, terminated, truncated]]
    return record


def python(code, **environment):
    """Run code in a process of its own; returns what it prints."""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **environment}
    )
    assert result.returncode == 0, result.stderr
    return result.stdout
