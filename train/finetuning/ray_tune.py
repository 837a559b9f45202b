"""Fine-tunes of a sweep as trials of Ray Tune."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from atp.soups import StateDict
from train.finetuning.recipe import Recipe

#: Times that a trial is begun anew where its node or its process died.
RETRIES = 5
FILE = "state.safetensors"


def tune_all(
    fine_tune: Callable[[StateDict, Recipe], StateDict],
    initial: StateDict,
    recipes: Mapping[int, Recipe],
    storage: str,
    keep: Callable[[int, StateDict], None],
) -> None:
    """Fine-tune by every recipe, each as a trial on one core of a Ray cluster.

    Args:
        fine_tune: Called with ``initial`` and a recipe, in the trials' processes.
        initial: The initialisation; it is sent, so nodes need no common folder for it.
        recipes: By number; they are the trials' parameters in Tune's tables and logs.
        storage: Folder or fsspec address that all nodes reach, for the trials' logs and checkpoints.
        keep: Called with the number and the weights of each fine-tune as soon as it is done, in this process.

    Raises:
        ImportError: Ray Tune is not installed.
        RuntimeError: A trial failed; those that did not were kept.
    """
    try:
        import ray
        from ray import tune
    except ImportError as error:
        raise ImportError("Ray Tune is missing: pip install 'act-the-part[ray]'") from error

    def trial(config: dict[str, Any], initial: StateDict) -> None:
        state = fine_tune(initial, Recipe(**config["run"]["recipe"]))
        with tempfile.TemporaryDirectory() as folder:
            save_file(state, Path(folder) / FILE)
            tune.report({"number": config["run"]["number"]}, checkpoint=tune.Checkpoint.from_directory(folder))

    class Keep(tune.Callback):  # type: ignore[misc]  # Ray has no types
        """Takes the weights of a trial when it is over."""

        def __init__(self, keep: Callable[[int, StateDict], None]) -> None:
            self.keep = keep

        def __getstate__(self) -> dict[str, Any]:
            return {}  # Tune writes callbacks to its storage; this one is of use here alone

        def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
            with trial.checkpoint.as_directory() as folder:
                self.keep(trial.config["run"]["number"], load_file(Path(folder) / FILE))

    if not ray.is_initialized():
        ray.init(log_to_driver=False)
    each = [{"number": number, "recipe": dataclasses.asdict(recipe)} for number, recipe in recipes.items()]
    results = tune.Tuner(
        tune.with_resources(tune.with_parameters(trial, initial=initial), {"cpu": 1}),
        param_space={"run": tune.grid_search(each)},
        run_config=tune.RunConfig(
            storage_path=storage,
            failure_config=tune.FailureConfig(max_failures=RETRIES),
            callbacks=[Keep(keep)],
            verbose=0,
        ),
    ).fit()
    if results.num_errors:
        raise RuntimeError(f"{results.num_errors} fine-tunes failed: {results.errors[0]}")
