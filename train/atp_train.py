"""Train the interaction network and the part network together, from play alone.

    python -m train.atp_train --out runs/train
    python -m train.atp_train --config train/configs/default.toml --envs 16 --device cuda

Every option can be given in a TOML file (--config) and on the command line, which wins. A run that was stopped in any
way resumes where its last checkpoint was when the same command is given again; Ctrl-C saves first.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from train.config import TrainConfig

# Worker processes import this file again. What they do not need (PyTorch above all) is imported in the functions.


def parse(arguments: list[str] | None = None) -> TrainConfig:
    """Read the command line, with the defaults of ``--config FILE.toml`` (or ``--config NAME``) if it is there.

    Args:
        arguments: What follows the program's name; None takes it from the command line.

    Returns:
        The options.

    Raises:
        ValueError: The file is missing, is not TOML or has an option that does not exist or does not fit.
        SystemExit: The command line has an option that does not exist or does not fit, or asks for help.
    """
    import tyro

    from train.config import TrainConfig, read_config

    files = argparse.ArgumentParser(prog="train.atp_train", add_help=False, allow_abbrev=False)
    files.add_argument("--config", type=Path, metavar="FILE")
    known, rest = files.parse_known_args(arguments)
    default = read_config(known.config) if known.config else TrainConfig()
    return tyro.cli(TrainConfig, args=rest, default=default, description=__doc__, prog="python -m train.atp_train")


def main() -> int:
    """Entry point.

    Returns:
        The exit status, as :func:`train.runs.command.run_command`.
    """
    from train.runs.command import Run, run_command

    def start() -> Run:
        from train.learning.trainer import Trainer

        return Trainer(parse(), command=shlex.join(["python", "-m", "train.atp_train", *sys.argv[1:]]))

    return run_command(start)


if __name__ == "__main__":
    sys.exit(main())
