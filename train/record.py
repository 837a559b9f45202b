"""Play with trained weights and keep the interactions, for the second stage of training to learn from.

    python -m train.record --weights default --out runs/recorded

The folder is like one of ``train.atp_train``: stored interactions, options and the weights that played. A run that was
stopped in any way resumes when the same command is given again.
"""

from __future__ import annotations

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

        from train.learning.recorder import RecordConfig, Recorder

        return Recorder(tyro.cli(RecordConfig, args=arguments, description=__doc__, prog="python -m train.record"))

    return run_command(start)


if __name__ == "__main__":
    sys.exit(main())
