"""The agent and the object that several subcommands begin with, so that what is wrong names the flag."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium as gym

import envs
from assets.catalog import ALL_SPLITS
from atp.commands.arguments import naming
from atp.types import Observation

if TYPE_CHECKING:
    from atp.agent import Agent


def load_agent(weights: str, device: str) -> Agent:
    """The agent that the options ``--weights`` and ``--device`` name.

    Raises:
        ValueError: There is no such device; the message names the flag.
        atp.checkpoint.CheckpointError: The weights cannot be read; the message names the flag too.
    """
    from atp.agent import Agent, pick_device  # here, so that asking for help does not wait for PyTorch

    with naming("--device"):
        pick_device(device)
    with naming("--weights"):
        return Agent.from_pretrained(weights, device)


@contextmanager
def one_object(
    own: Path | None, split: str, category: str, index: int | None, seed: int, **environment: Any
) -> Iterator[tuple[gym.Env[Any, Any], Observation, dict[str, Any]]]:
    """An environment with one object, just reset; closed when the block ends.

    Args:
        own: What ``--object`` names; it takes the place of the next three.
        split: What ``--split`` names.
        category: What ``--category`` names.
        index: What ``--index`` says; None lets the seed choose.
        seed: Decides the object, its pose and joint state.
        environment: Further keyword arguments of the environment.

    Yields:
        The environment, its observation and its info.

    Raises:
        ValueError: The object cannot be had; the message names the flag.
    """
    if own is None and split not in ALL_SPLITS:
        raise ValueError(f"--split: unknown split {split!r}: choose one of {', '.join(ALL_SPLITS)}")
    which: dict[str, Any] = {"object": own} if own else {"split": split, "category": category}
    with naming("--object" if own else "--category"):
        env = gym.make(envs.ENV_ID, disable_env_checker=True, **environment, **which)
    try:
        with naming("--object" if own else "--index"):
            chosen = {} if own or index is None else {"index": index}
            observation, info = env.reset(seed=seed, options=chosen)
        yield env, observation, info
    finally:
        env.close()
