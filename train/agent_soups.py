"""Soups of the agent itself: fine-tunes from one initialisation, mixed, and measured where they never were.

    python -m train.record --out runs/recorded                                             # play to fine-tune with
    python -m train.record --split val --total-interactions 400 --out runs/held-out        # play to choose with
    python -m train.agent_soups --out runs/agent-soups

Each seed is a sweep of its own. Single fine-tunes and greedy soups are chosen by play with held-out objects of the
training categories, each network for itself. What is there already is not done again.
"""

from __future__ import annotations

import sys

import tyro

from train.runs.command import run_command
from train.studies.agent_sweeps import AgentSoups, AgentSoupsConfig


def main(arguments: list[str] | None = None) -> int:
    """Entry point.

    Args:
        arguments: Command line; None takes the process's.

    Returns:
        The exit status, as :func:`train.runs.command.run_command`.
    """
    return run_command(
        lambda: AgentSoups(
            tyro.cli(AgentSoupsConfig, args=arguments, description=__doc__, prog="python -m train.agent_soups")
        )
    )


if __name__ == "__main__":
    sys.exit(main())
