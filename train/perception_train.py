"""Second stage: train the part network further, with the interactions of a run and synthetic image pairs.

    python -m train.record --out runs/recorded
    python -m train.perception_train --play runs/recorded --out runs/perception
    python -m train.perception_train --play runs/recorded --out runs/more --weights runs/perception/weights

Play shows objects on a table, from above. Synthetic image pairs show doors, lids and drawers in rooms, with hands,
shadows and bad light, so that motion is seen in real video too. A run that was stopped in any way resumes where its
last checkpoint was when the same command is given again; Ctrl-C saves first.
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

        from train.learning.second_stage import PerceptionConfig, PerceptionTrainer

        given = sys.argv[1:] if arguments is None else arguments
        config = tyro.cli(PerceptionConfig, args=given, description=__doc__, prog="python -m train.perception_train")
        return PerceptionTrainer(config, shlex.join(["python", "-m", "train.perception_train", *given]))

    return run_command(start)


if __name__ == "__main__":
    sys.exit(main())
