"""Train PPO (stable-baselines3) on the same environment, as a baseline.

    python -m train.ppo_train --out runs/ppo

A run that was stopped in any way goes on where its last checkpoint was when the same command is given again; Ctrl-C
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
        The exit status: 0 the run is complete, 130 it was interrupted and saved, 1 a worker was lost, 2 the options
        cannot be used.
    """
    import tyro

    from train.ppo import PpoConfig, PpoTrainer

    given = sys.argv[1:] if arguments is None else arguments
    config = tyro.cli(PpoConfig, args=given, description=__doc__, prog="python -m train.ppo_train")
    trainer = None
    try:
        trainer = PpoTrainer(config, command=shlex.join(["python", "-m", "train.ppo_train", *given]))
        return 0 if trainer.run() else 130
    except (EOFError, ConnectionError):
        print(
            "error: an environment worker was lost; the same command goes on from the last checkpoint",
            file=sys.stderr,
        )
        return 1
    except ValueError as error:
        if trainer is not None:
            raise  # no fault of the options
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted at once; the same command goes on from the last checkpoint", file=sys.stderr)
        return 130
    finally:
        if trainer is not None:
            trainer.close()


if __name__ == "__main__":
    sys.exit(main())
