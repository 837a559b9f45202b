"""What the training commands share: how a run ends, and what that means to the shell."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Protocol

from envs.parallel.pool import WorkerLost
from train.runs.run_folder import Diverged


class Run(Protocol):
    """A training run."""

    def run(self) -> bool:
        """Train; True if the run is complete, False if it was interrupted and saved."""
        ...

    def close(self) -> None:
        """End the workers."""
        ...


def run_command(start: Callable[[], Run]) -> int:
    """Start a run and see it to its end.

    Args:
        start: Makes the run; a ValueError there means that the options cannot be used.

    Returns:
        The exit status: 0 the run is complete, 130 it was interrupted and saved, 1 a worker was lost or the weights
        diverged, 2 the options cannot be used.
    """
    run = None
    try:
        run = start()
        return 0 if run.run() else 130
    except WorkerLost as error:
        print(f"error: {error}; the same command resumes from the last checkpoint", file=sys.stderr)
        return 1
    except Diverged as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except ValueError as error:
        if run is not None:
            raise  # no fault of the options
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted at once; the same command resumes from the last checkpoint", file=sys.stderr)
        return 130
    finally:
        if run is not None:
            run.close()
