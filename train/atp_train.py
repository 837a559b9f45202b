"""Train the interaction network and the part network together, from play alone.

    python -m train.atp_train --out runs/train
    python -m train.atp_train --config train/configs/default.toml --envs 16 --device cuda

Every option can be given in a TOML file (``--config``) and on the command line, which wins. A run that was stopped
in any way goes on where its last checkpoint was when the same command is given again; Ctrl-C saves first.
"""

from __future__ import annotations

import shlex
import sys
import tomllib
from pathlib import Path

import tyro

from train.config import LearnerConfig, TrainConfig
from train.rollouts import WorkerLost
from train.trainer import Trainer


def parse(arguments: list[str] | None = None) -> TrainConfig:
    """Read the command line, with the defaults of ``--config FILE.toml`` if it is there.

    Raises:
        ValueError: The file is missing, is not TOML or has an option that does not exist.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    default = TrainConfig()
    if "--config" in arguments:
        place = arguments.index("--config")
        if place + 1 == len(arguments):
            raise ValueError("--config needs a file")
        default = read_config(Path(arguments[place + 1]))
        del arguments[place : place + 2]
    return tyro.cli(TrainConfig, args=arguments, default=default, description=__doc__)


def read_config(path: Path) -> TrainConfig:
    """Read options from a TOML file; the learner's stand in a table ``[learner]``."""
    try:
        options = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{path}: cannot be read as TOML: {error}") from error
    learner = options.pop("learner", {})
    if "out" in options:
        options["out"] = Path(options["out"])
    try:
        return TrainConfig(**options, learner=LearnerConfig(**learner))
    except TypeError as error:
        raise ValueError(f"{path}: {error}; see --help for the options") from error


def main() -> int:
    """Entry point; returns the exit status."""
    try:
        trainer = Trainer(parse(), command=shlex.join(["python", "-m", "train.atp_train", *sys.argv[1:]]))
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    try:
        finished = trainer.run()
    except WorkerLost as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    finally:
        trainer.close()
    return 0 if finished else 130


if __name__ == "__main__":
    sys.exit(main())
