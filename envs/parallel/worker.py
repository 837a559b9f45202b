"""What a worker does with its environments, however it is reached."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.reduction import ForkingPickler
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]
MakeEnv = Callable[[], gym.Env[Any, Any]]


@dataclass(frozen=True)
class Reset:
    """Start an episode.

    Attributes:
        seed: Decides it.
        options: As of the environment's ``reset``.
    """

    seed: int
    options: dict[str, Any] | None


@dataclass(frozen=True)
class Step:
    """Carry out an interaction.

    Attributes:
        action: The action.
        then: What follows in the same step if the episode ends.
    """

    action: NDArray[np.integer]
    then: Reset | None


@dataclass(frozen=True)
class Call:
    """Call a method, or read an attribute.

    Attributes:
        name: Of the environment or of one of its wrappers.
        args: Of the method.
        kwargs: Of the method.
    """

    name: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Setting:
    """Set an attribute.

    Attributes:
        name: Of the environment or of one of its wrappers.
        value: What it is to be.
    """

    name: str
    value: Any


#: A command; several are carried out without an answer.
Command = Reset | Step | Call | Setting | tuple[Reset | Step | Setting, ...]


@dataclass(frozen=True)
class Answer:
    """What an environment answered; its observation and its privileged truth are in arrays.

    Attributes:
        reward: Of the step; 0.0 after a reset.
        terminated: Whether the episode ended by itself.
        truncated: Whether the episode was cut.
        info: The info, without ``privileged``.
        final_info: The same of the last step, where the environment was reset after it.
    """

    reward: float
    terminated: bool
    truncated: bool
    info: dict[str, Any]
    final_info: dict[str, Any] | None = None

    @property
    def done(self) -> bool:
        """Whether the episode ended."""
        return self.terminated or self.truncated


@dataclass(frozen=True)
class Maker:
    """Makes an environment in a process that has not imported what this one has.

    Attributes:
        make: Makes an environment.
        modules: Imported first, those that are there: they register what environments are asked for by name.
    """

    make: MakeEnv
    modules: tuple[str, ...]

    def __call__(self) -> gym.Env[Any, Any]:
        """Make one."""
        for name in self.modules:
            with suppress(ModuleNotFoundError):  # a notebook's; who asks for its category is told so
                importlib.import_module(name)
        return self.make()


def layout_of(env: gym.Env[Any, Any]) -> spaces.Dict:
    """The space of what an environment answers in arrays: its observation, and its privileged truth if it has any."""
    layout = {"observation": env.observation_space}
    privileged = getattr(env.unwrapped, "privileged_space", None)
    if privileged is not None:
        layout["privileged"] = privileged
    return spaces.Dict(layout)


class Server:
    """Environments that are made when they are first asked.

    Args:
        make: Makes one.
        current: Arrays for observations and privileged truth, with the environment's index first.
        final: The same, for what came last before a reset in the same step.
    """

    def __init__(self, make: MakeEnv, current: dict[str, Arrays], final: dict[str, Arrays]) -> None:
        self._make, self._current, self._final = make, current, final
        self._envs: dict[int, gym.Env[Any, Any]] = {}

    def answer(self, index: int, command: Command) -> Any:
        """Carry out a command.

        Args:
            index: Index of the environment.
            command: The command.

        Returns:
            An ``Answer``; the result of a method; or the exception that was raised, which is the asker's to judge.
        """
        try:
            if index not in self._envs:
                self._envs[index] = self._make()
            return self._carry_out(self._envs[index], index, command)
        except Exception as error:
            return _portable(error)

    def _carry_out(self, env: gym.Env[Any, Any], index: int, command: Command) -> Any:
        if isinstance(command, Call):
            return _called(env, command)
        if isinstance(command, Setting):
            env.set_wrapper_attr(command.name, command.value)
            return None
        if isinstance(command, tuple):
            return [self._carry_out(env, index, each) for each in command][-1]
        if isinstance(command, Reset):
            return Answer(0.0, False, False, self._reset(env, index, command))
        observation, reward, terminated, truncated, info = env.step(command.action)
        if not (terminated or truncated) or command.then is None:
            info = _store(index, observation, info, self._current)
            return Answer(float(reward), terminated, truncated, info)
        final_info = _store(index, observation, info, self._final)
        return Answer(float(reward), terminated, truncated, self._reset(env, index, command.then), final_info)

    def _reset(self, env: gym.Env[Any, Any], index: int, command: Reset) -> dict[str, Any]:
        observation, info = env.reset(seed=command.seed, options=command.options)
        return _store(index, observation, info, self._current)


def _store(index: int, observation: Arrays, info: dict[str, Any], arrays: dict[str, Arrays]) -> dict[str, Any]:
    """Copy an observation and its privileged truth into arrays; what is left of the info."""
    for name, array in arrays["observation"].items():
        array[index] = observation[name]
    if "privileged" not in arrays:
        return info
    for name, array in arrays["privileged"].items():
        array[index] = info["privileged"][name]
    return {name: value for name, value in info.items() if name != "privileged"}


def _called(env: gym.Env[Any, Any], command: Call) -> Any:
    """What a method returns, or an attribute is."""
    found = env.get_wrapper_attr(command.name)
    result = found(*command.args, **command.kwargs) if callable(found) else found
    try:
        ForkingPickler.dumps(result)
    except Exception as error:
        raise TypeError(f"{command.name} is of type {type(result).__name__}, which cannot leave its process") from error
    return result


def _portable(error: Exception) -> Exception:
    """An error that can be sent."""
    try:
        ForkingPickler.loads(ForkingPickler.dumps(error))
    except Exception:  # many classes of errors cannot be pickled
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
