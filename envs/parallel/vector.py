"""`ArticulatedPlay-v0` many times at once, as a Gymnasium vector environment."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import numpy as np
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
    seeded by (s + i, k) alone, whatever the other environments do and whatever the number of workers.

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
        self._seeds: list[int] = []
        self._episodes = np.zeros(num_envs, np.int64)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Arrays, dict[str, Any]]:
        """Start an episode in every environment.

        Args:
            seed: One for all (environment i gets ``seed + i``) or one for each; None draws them.
            options: As of :meth:`envs.play.ArticulatedPlay.reset`, for all; they hold for later episodes too.

        Returns:
            Batched observation and info.

        Raises:
            ValueError: There are not as many seeds as environments.
            envs.parallel.pool.WorkerLost: A worker was lost several times, or an environment raised an error.
        """
        super().reset(seed=seed if isinstance(seed, int) else None)
        if isinstance(seed, int):
            given: list[int | None] = [seed + index for index in range(self.num_envs)]
        else:
            given = [None] * self.num_envs if seed is None else list(seed)
        if len(given) != self.num_envs:
            raise ValueError(f"there must be {self.num_envs} seeds, not {len(given)}")
        self._seeds = [int(self.np_random.integers(2**31)) if each is None else each for each in given]
        self._episodes[:] = 0
        for index, each in enumerate(self._seeds):
            self.pool.reset_async(index, each, options)
        answers = self.pool.wait(self.num_envs)
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
            envs.parallel.pool.WorkerLost: A worker was lost several times, or an environment raised an error.
        """
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
        return tuple(self.pool.call("render"))

    def close_extras(self, **kwargs: Any) -> None:
        """End the workers."""
        self.pool.close()

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
