"""What things cost: results of ``python -m train.bench``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from atp.results.schema import Result


@dataclass(frozen=True)
class StepTimes:
    """A step of the environment against the bare PyBullet calls in it.

    Attributes:
        step_over_bare: Ratio.
        step_ms: Milliseconds of a step.
        bare_ms: Milliseconds of the bare calls.
        steps: Of a measurement.
    """

    step_over_bare: float
    step_ms: float
    bare_ms: float
    steps: int


@dataclass(frozen=True)
class Scaling:
    """Two workers against one, beside bare PyBullet processes; rates in interactions a second.

    Attributes:
        two_workers_over_one: Ratio.
        two_bare_processes_over_one: Ratio.
        share_of_bare: The first over the second.
        rate_of_one: Of one worker.
        rate_of_two: Of two.
    """

    two_workers_over_one: float
    two_bare_processes_over_one: float
    share_of_bare: float
    rate_of_one: float
    rate_of_two: float


@dataclass(frozen=True)
class VectorRates:
    """The pool against other vector environments; rates in interactions a second.

    Attributes:
        rate_pool: Of the pool.
        rate_async_vector_env: Of Gymnasium's ``AsyncVectorEnv``.
        rate_subproc_vec_env: Of stable-baselines3's ``SubprocVecEnv``.
        pool_over_async_vector_env: Ratio.
        pool_over_subproc_vec_env: Ratio.
    """

    rate_pool: float
    rate_async_vector_env: float
    rate_subproc_vec_env: float
    pool_over_async_vector_env: float
    pool_over_subproc_vec_env: float


@dataclass(frozen=True)
class RolloutTimes:
    """Playing in many environments.

    Attributes:
        interactions: Of a measurement.
        scaling: With workers.
        environments: Against others, by the number of environments.
    """

    interactions: int
    scaling: Scaling
    environments: dict[str, VectorRates]


@dataclass(frozen=True)
class TrainingTimes:
    """Training against playing and learning alone.

    Attributes:
        device: Where the networks computed.
        over_sum: Ratio to the sum of the two.
        over_larger: Ratio to the larger of the two.
        interactions_per_second: In training.
        interactions_per_second_playing_alone: Without learning.
        interactions_per_second_learning_alone: Without playing.
        gradient_steps_per_second: Without playing.
    """

    device: str
    over_sum: float
    over_larger: float
    interactions_per_second: float
    interactions_per_second_playing_alone: float
    interactions_per_second_learning_alone: float
    gradient_steps_per_second: float


@dataclass(frozen=True)
class ActingTimes:
    """Choosing an action, by way: ``one_pass``, ``eight_views``, ``rotated_passes``.

    Attributes:
        device: Where the networks computed.
        choices: Of a measurement.
        choice_ms: Milliseconds of a choice, by way.
        choice_over_one_pass: Ratio, by way.
        batch_ms: Milliseconds of each of a batch with one pass, by the batch's size.
    """

    device: str
    choices: int
    choice_ms: dict[str, float]
    choice_over_one_pass: dict[str, float]
    batch_ms: dict[str, float]


@dataclass(frozen=True)
class StepCost:
    """Of a step.

    Attributes:
        step_ms: Milliseconds.
        over_bare: Ratio to the bare calls in it.
    """

    step_ms: float
    over_bare: float


@dataclass(frozen=True)
class StepCosts:
    """What a step costs.

    Attributes:
        by_resolution: By the side of the image.
        by_links: By the number of links that move.
    """

    by_resolution: dict[str, StepCost]
    by_links: dict[str, StepCost]


@dataclass(frozen=True)
class SoupTimes:
    """Averaging checkpoints.

    Attributes:
        uniform_over_reading: The uniform soup against reading the files.
        uniform_over_loading: The same against loading them.
        files: How many.
        megabytes: Of each.
    """

    uniform_over_reading: float
    uniform_over_loading: float
    files: int
    megabytes: int


@dataclass(frozen=True)
class BenchResult(Result):
    """What things cost, as medians; a part that was not measured is None.

    Attributes:
        repeats: Measurements of each.
        cores: Of the machine.
        step: See :mod:`train.bench.step`.
        rollouts: See :mod:`train.bench.rollouts`.
        training: See :mod:`train.bench.training`.
        acting: See :mod:`train.bench.acting`.
        cost: See :mod:`train.bench.cost`.
        soups: See :mod:`train.bench.soup_mixing`.
    """

    WRITTEN_BY: ClassVar[str] = "python -m train.bench"

    repeats: int
    cores: int
    step: StepTimes | None = None
    rollouts: RolloutTimes | None = None
    training: TrainingTimes | None = None
    acting: ActingTimes | None = None
    cost: StepCosts | None = None
    soups: SoupTimes | None = None


@dataclass(frozen=True)
class EnduranceResult(Result):
    """Whether workers grow.

    Attributes:
        interactions: That were played.
        resets: That were made.
        seconds: That it took.
        growth: Largest over the workers of the mean over the last tenth of the samples, over the mean over the tenth
            after the warm-up, minus 1; None before there are enough.
        megabytes: Resident memory at each sample, one list for each worker.
    """

    WRITTEN_BY: ClassVar[str] = "python -m train.bench.endurance"

    interactions: int
    resets: int
    seconds: int
    growth: float | None
    megabytes: list[list[float]]
