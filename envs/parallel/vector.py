"""`ArticulatedPlay-v0` many times at once, as a Gymnasium vector environment."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy as shallow_copy
from copy import deepcopy
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from envs.parallel.pool import Answer, Arrays, play_pool


class PlayVectorEnv(VectorEnv[Arrays, NDArray[np.int64], NDArray[Any]]):
    """Environments that step together, in worker processes; a worker that dies is replaced without loss.

    Made by ``gymnasium.make_vec("envs:ArticulatedPlay-v0", num_envs=16)``. Infos are as in Gymnasium's vector
    environments, with the mask ``_privileged`` of ``privileged`` all true.

    **Reset in the same step** (``AutoresetMode.SAME_STEP``): an environment whose episode ends is reset within the
    step. The observation and the info are then the new episode's, and those of the last step are in
    ``info["final_obs"]`` and ``info["final_info"]``.

    **Seeds.** ``reset(seed=s)`` starts environment i with seed s + i, as Gymnasium does. Its k-th episode after that is
    seeded by (s + i, k) alone, whatever the other environments do and whatever the number of workers. With the option
    ``reset_mask``, (num_envs,) bool, ``reset`` starts episodes in some environments; the others stay where they are.

    Args:
        num_envs: Environments.
        workers: Processes, see :class:`envs.parallel.pool.EnvironmentPool`.
        copy: Whether observations and privileged truth are copied. Otherwise the next step overwrites them.
        **options: Keyword arguments of :class:`envs.play.ArticulatedPlay`.

    Attributes:
        pool: The environments, for those who do not want to wait for the slowest.

    Raises:
        ValueError: An option is out of its range.
        envs.parallel.pool.WorkerLost: A worker could not start.
    """

    def __init__(self, num_envs: int, *, workers: int | None = None, copy: bool = True, **options: Any) -> None:
        self.pool = play_pool(num_envs, workers, **options)
        self.metadata = {**self.pool.metadata, "autoreset_mode": AutoresetMode.SAME_STEP}
        self.render_mode, self.num_envs, self.copy = self.pool.render_mode, num_envs, copy
        self.single_observation_space = self.pool.observation_space
        self.single_action_space = self.pool.action_space
        self.observation_space = batch_space(self.pool.observation_space, num_envs)
        self.action_space = batch_space(self.pool.action_space, num_envs)
        self._seeds: dict[int, int] = {}  # of environments that were reset
        self._episodes = np.zeros(num_envs, np.int64)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Arrays, dict[str, Any]]:
        """Start an episode in every environment.

        Args:
            seed: One for all (environment i gets ``seed + i``) or one for each; None draws them.
            options: As of :meth:`envs.play.ArticulatedPlay.reset`, for all; they hold for later episodes too. And
                ``reset_mask``.

        Returns:
            Batched observation and info.

        Raises:
            ValueError: There are not as many seeds as environments, or the mask is not one.
            gymnasium.error.ResetNeeded: The mask leaves out an environment that was never reset.
            gymnasium.error.ClosedEnvironmentError: The environments were closed.
            envs.parallel.pool.WorkerLost: A worker was lost several times, or an environment raised an error.
        """
        self._check_open()
        options = None if options is None else dict(options)
        chosen = self._chosen(options.pop("reset_mask", None) if options else None)
        if isinstance(seed, int | np.integer):
            given: list[int | None] = [int(seed) + index for index in range(self.num_envs)]
        else:
            given = [None] * self.num_envs if seed is None else list(seed)
        if len(given) != self.num_envs:
            raise ValueError(f"there must be {self.num_envs} seeds, not {len(given)}")
        least = min((each for each in given if each is not None), default=0)
        if least < 0:
            raise ValueError(f"seeds must be at least 0, not {least}")
        super().reset(seed=int(seed) if isinstance(seed, int | np.integer) else None)
        seeds = [int(self.np_random.integers(2**31)) if each is None else int(each) for each in given]
        for index in chosen:
            self._seeds[index] = seeds[index]
            self._episodes[index] = 0
            self.pool.reset_async(index, seeds[index], options)
        answers = self.pool.wait(len(chosen))
        return self._observation(), self._infos(answers)

    def step(
        self, actions: NDArray[np.int64]
    ) -> tuple[Arrays, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Carry out one interaction in every environment.

        Args:
            actions: (num_envs, 5).

        Returns:
            Batched observation, rewards, terminated, truncated and info.

        Raises:
            ValueError: The actions are not in the action space; nothing was carried out then.
            gymnasium.error.ResetNeeded: The environments were never reset.
            gymnasium.error.ClosedEnvironmentError: The environments were closed.
            envs.parallel.pool.WorkerLost: A worker was lost several times, or an environment raised an error.
        """
        self._check_open()
        if len(self._seeds) < self.num_envs:
            raise gym.error.ResetNeeded("call reset() before step()")
        actions = self._checked(actions)
        for index in range(self.num_envs):
            self.pool.step_async(index, actions[index], then_seed=self._next_seed(index))
        answers = self.pool.wait(self.num_envs)
        ordered = [answers[index] for index in range(self.num_envs)]
        self._episodes += [answer.done for answer in ordered]
        return (
            self._observation(),
            np.array([answer.reward for answer in ordered]),
            np.array([answer.terminated for answer in ordered]),
            np.array([answer.truncated for answer in ordered]),
            self._infos(answers),
        )

    def render(self) -> tuple[Any, ...]:
        """An image of each environment."""
        return self.call("render")

    def call(self, name: str, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """The results of a method of each environment, or the values of an attribute.

        Args:
            name: Of the environment or of one of its wrappers.
            *args: Of the method.
            **kwargs: Of the method.

        Raises:
            gymnasium.error.ClosedEnvironmentError: The environments were closed.
            Exception: Whatever an environment raised.
        """
        self._check_open()
        return tuple(self.pool.call(name, *args, **kwargs))

    def get_attr(self, name: str) -> tuple[Any, ...]:
        """The values of an attribute of each environment."""
        return self.call(name)

    def set_attr(self, name: str, values: Any) -> None:
        """Set an attribute of each environment; it stays when a worker is replaced.

        Args:
            name: Of the environment or of one of its wrappers.
            values: A list or tuple of one for each environment, or one for all.

        Raises:
            ValueError: There are not as many values as environments.
            gymnasium.error.ClosedEnvironmentError: The environments were closed.
        """
        self._check_open()
        self.pool.set_attr(name, values if isinstance(values, list | tuple) else [values] * self.num_envs)

    def action_masks(self) -> NDArray[np.bool_]:
        """(num_envs, 2 H + 2 W + 8) bool, see :meth:`envs.play.ArticulatedPlay.action_masks`."""
        return np.stack(self.call("action_masks"))

    @property
    def spec(self) -> EnvSpec | None:
        """How Gymnasium made the environments, with ``max_episode_steps`` the interactions of an episode."""
        return self._spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:
        self._spec = shallow_copy(spec)
        if self._spec is not None:
            self._spec.max_episode_steps = self.pool.max_episode_steps

    _spec: EnvSpec | None = None

    def close_extras(self, **kwargs: Any) -> None:
        """End the workers."""
        self.pool.close()

    def _check_open(self) -> None:
        if self.closed:
            raise gym.error.ClosedEnvironmentError("the environments were closed: make others")

    def _chosen(self, mask: Any) -> list[int]:
        """The environments that a ``reset_mask`` asks for; None asks for all."""
        if mask is None:
            return list(range(self.num_envs))
        given = np.asarray(mask)
        if given.dtype != np.bool_ or given.shape != (self.num_envs,) or not given.any():
            raise ValueError(f"reset_mask must be {self.num_envs} bools, of which one or more are true, not {mask!r}")
        chosen = [int(index) for index in np.flatnonzero(given)]
        if not self._seeds.keys() | set(chosen) >= set(range(self.num_envs)):
            raise gym.error.ResetNeeded("reset all environments before some of them with reset_mask")
        return chosen

    def _checked(self, actions: Any) -> NDArray[np.int64]:
        """Actions (num_envs, 5), all of them possible."""
        array = np.asarray(actions)
        limits = np.asarray(self.single_action_space.nvec)  # type: ignore[attr-defined]
        shape = (self.num_envs, len(limits))
        if array.shape != shape or array.dtype.kind not in "iu":
            raise ValueError(f"actions must be {shape} whole numbers, not {array.shape} of type {array.dtype}")
        wrong = np.flatnonzero(((array < 0) | (array >= limits)).any(axis=1))
        if len(wrong):
            raise ValueError(f"action {array[wrong[0]]} of environment {wrong[0]} is not in {self.single_action_space}")
        return array.astype(np.int64)

    def _next_seed(self, index: int) -> int:
        """Seed of the next episode of an environment."""
        episode = int(self._episodes[index]) + 1
        return int(np.random.SeedSequence([self._seeds[index], episode]).generate_state(1)[0])

    def _observation(self) -> Arrays:
        return deepcopy(self.pool.observation) if self.copy else self.pool.observation

    def _infos(self, answers: dict[int, Answer]) -> dict[str, Any]:
        """Infos of all environments, in Gymnasium's form."""
        infos: dict[str, Any] = {}
        for index, answer in answers.items():
            infos = self._add_info(infos, answer.info, index)
            if answer.final_info is not None:
                final = {name: array[index].copy() for name, array in self.pool.final_observation.items()}
                truth = {name: array[index].copy() for name, array in self.pool.final_privileged.items()}
                last = {**answer.final_info, "privileged": truth}
                infos = self._add_info(infos, {"final_obs": final, "final_info": last}, index)
        truth = deepcopy(self.pool.privileged) if self.copy else self.pool.privileged
        everywhere = np.ones(self.num_envs, np.bool_)
        masks = {f"_{name}": everywhere.copy() for name in truth}
        return {**infos, "privileged": {**truth, **masks}, "_privileged": everywhere}
