"""Blocks of ``docs/results/training.md``: how the shipped weights were trained."""

from __future__ import annotations

from atp.reporting.result_files import DEFAULT_WEIGHTS, WEIGHTS, Results
from atp.reporting.tables import markdown_table

#: Options of the recipe and what they mean; those of the learner have a dot.
RECIPE = {
    "total_interactions": "interactions to play",
    "envs": "environments",
    "interactions": "interactions in an episode",
    "learning_starts": "interactions before the first gradient step",
    "interactions_per_step": "interactions for each gradient step",
    "replay_size": "interactions in the replay",
    "epsilon_start": "share of random actions at the start",
    "epsilon_end": "share of random actions at the end",
    "epsilon_share": "share of the run after which it is reached",
    "temperature": "temperature of the other actions",
    "predicted_memory": "share of environments whose part memory is predicted",
    "learner.batch_size": "batch",
    "learner.learning_rate": "learning rate",
    "learner.weight_decay": "weight decay",
    "learner.warmup": "steps of warm-up",
    "learner.ema": "decay of the averaged weights",
    "learner.moved_share": "share of a batch in which something moved",
    "learner.hindsight": "weight of hindsight",
}


def weights(results: Results) -> str:
    """What the weights ``four-categories`` were trained with, in a sentence."""
    config = results.config()
    minutes = config["training_seconds"] / 60
    return (
        f"Weights `four-categories`: {config['interactions_played']:,} interactions and {config['gradient_steps']:,} "
        f"gradient steps of batch {config['options']['learner']['batch_size']} for each network, in {minutes:.0f} "
        f"minutes, by `{config['command']}` (seed {config['seed']})."
    )


def recipe(results: Results) -> str:
    """The options of that run."""
    options = results.config()["options"]
    flat = options | {f"learner.{name}": value for name, value in options["learner"].items()}
    lines = [
        [f"`--{name.replace('_', '-')}`", meaning, f"{flat[name]:g}"]
        for name, meaning in RECIPE.items()
        if name in flat
    ]
    return f"From `{WEIGHTS / 'config.json'}`.\n\n{markdown_table(['option', 'meaning', 'value'], lines)}"


def second_stage(results: Results) -> str:
    """What the part network of the weights ``default`` was trained with after that."""
    head = "Weights `default`: further gradient steps of the part network of `four-categories` "
    return _stages(results, "perception", head)


def acting_stage(results: Results) -> str:
    """What the interaction network of the weights ``default`` learned from recorded play."""
    return _stages(results, "acting", "Weights `default`: further gradient steps of the interaction network ")


def _stages(results: Results, entry: str, head: str) -> str:
    """The stages under an entry of the config of ``default``, oldest first."""
    stages, stage = [], results.config(DEFAULT_WEIGHTS)[entry]
    while stage is not None:
        stages.append(stage)
        stage = stage.get("before")
    lines = []
    for number, stage in enumerate(reversed(stages), start=1):
        options, minutes = stage["options"], stage["training_seconds"] / 60
        learner = options["learner"]
        drawn, rendered = options.get("image_pairs", options.get("drawn")), options.get("rendered")
        pairs = entry == "perception"
        batch = [
            f"{learner['batch_size']} interactions of recorded play" if options.get("play", "") is not None else "",
            f"{learner['pairs']} of {drawn:,} synthetic image pairs" if pairs and learner["pairs"] else "",
            f"{learner['rendered']} of {rendered:,} rendered ones" if pairs and learner.get("rendered") else "",
        ]
        lines.append(
            f"{number}. {stage['gradient_steps']:,} steps, each with {' and '.join(each for each in batch if each)}, "
            f"in {minutes:.0f} minutes ({stage['machine']}): `{stage['command']}`"
        )
    return f"{head}(`{DEFAULT_WEIGHTS / 'config.json'}`).\n\n" + "\n".join(lines)
