"""Train PPO (stable-baselines3) on the same environment, as a baseline.

    python -m train.ppo_train --out runs/ppo

A run that was stopped in any way resumes where its last checkpoint was when the same command is given again; Ctrl-C
saves first.
"""

from __future__ import annotations

import shlex
import sys

# Worker processes import this file again: what they do not need is imported in the function.


def main(arguments: list[str] | None = None) -> int:
    """Entry point.

    Args:
        arguments: Command line; None takes the process's.

    Returns:
        The exit status, as :func:`train.runs.command.run_command`.
    """
    from train.runs.command import Run, run_command

    def start() -> Run:
        import tyro

        from train.learning.ppo_trainer import PpoConfig, PpoTrainer

        given = sys.argv[1:] if arguments is None else arguments
        config = tyro.cli(PpoConfig, args=given, description=__doc__, prog="python -m train.ppo_train")
        return PpoTrainer(config, command=shlex.join(["python", "-m", "train.ppo_train", *given]))

    return run_command(start)


if __name__ == "__main__":
    sys.exit(main())
