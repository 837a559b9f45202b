"""Fine-tune many times from one initialisation, and see what soups of the fine-tunes bring; once for each seed.

    python -m train.sweep --sweep.task train.finetuning.text:task --out runs/soup-text

What is there already is not done again, so the command resumes after any stop.
"""

from __future__ import annotations

import sys

import tyro

from train.runs.command import run_command
from train.studies.soup_sweep import SoupSweep, SoupSweepConfig


def main(arguments: list[str] | None = None) -> int:
    """Entry point.

    Args:
        arguments: Command line; None takes the process's.

    Returns:
        The exit status, as :func:`train.runs.command.run_command`.
    """
    return run_command(
        lambda: SoupSweep(tyro.cli(SoupSweepConfig, args=arguments, description=__doc__, prog="python -m train.sweep"))
    )


if __name__ == "__main__":
    sys.exit(main())
