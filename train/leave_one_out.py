"""Leave-one-out augmentation ablation: the second stage of training, short, without one variation at a time.

    python -m train.leave_one_out --clips path/to/clips

A run that was stopped is resumed, and one whose scores are in the file of results is not done again, so the command
resumes after any stop, on another machine too.
"""

from __future__ import annotations

import sys

import tyro

from train.runs.command import run_command
from train.studies.augmentation_ablation import AblationConfig, AugmentationAblation


def main(arguments: list[str] | None = None) -> int:
    """Entry point.

    Args:
        arguments: Command line; None takes the process's.

    Returns:
        The exit status, as :func:`train.runs.command.run_command`.
    """
    return run_command(
        lambda: AugmentationAblation(
            tyro.cli(AblationConfig, args=arguments, description=__doc__, prog="python -m train.leave_one_out")
        )
    )


if __name__ == "__main__":
    sys.exit(main())
