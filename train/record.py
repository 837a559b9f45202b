"""Play with trained weights and keep the interactions, for the second stage of training to go on with.

    python -m train.record --weights default --out runs/recorded

The folder is like one of ``train.atp_train``: stored interactions, options and the weights that played. A run that was
stopped in any way goes on when the same command is given again.
"""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from train.config import RunConfig, check_range

if TYPE_CHECKING:
    from train.runs.command import Run

# Worker processes import this file again: what they do not need is imported where it is used.


@dataclass(frozen=True)
class RecordConfig(RunConfig):
    """Options of a recording.

    Attributes:
        weights: Weights that play: a folder or the name of shipped weights.
        epsilon: Probability of a random action.
        temperature: Of the actions drawn from the reward maps.
        group_size: Environments that are acted for together, see :class:`train.learning.collector.Collector`.
    """

    out: Path = Path("runs/recorded")
    total_interactions: int = 14_000
    weights: str = "default"
    epsilon: float = 0.3
    temperature: float = 0.3
    group_size: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, 0, 1, "epsilon")
        check_range(self, 1, None, "group_size")
        if self.temperature <= 0:
            raise ValueError("--temperature must be above 0")


class Recorder:
    """Plays whole episodes in all environments, learns nothing, and stores the interactions.

    Args:
        config: The options.

    Raises:
        ValueError: An option cannot be used, or ``config.out`` holds a run with other options.
        atp.checkpoint.CheckpointError: The weights cannot be read.
        envs.parallel.pool.WorkerLost: An environment worker could not start.
    """

    def __init__(self, config: RecordConfig) -> None:
        import torch

        from atp.agent import Agent
        from train.data.replay import Replay
        from train.learning.collector import Collector
        from train.runs.run_folder import RunFolder

        self.config = config
        if config.threads:
            torch.set_num_threads(config.threads)
        self.agent = Agent.from_pretrained(config.weights, config.device)
        with ExitStack() as opened:
            self.folder = opened.enter_context(closing(RunFolder(config)))
            state = self.folder.load() or {"written": 0, "rounds": 0}
            self.rounds = int(state["rounds"])
            round_size = config.envs * config.interactions
            self.replay = Replay(
                config.out / "replay.npy",
                config.resolution,
                config.resolution,
                capacity=config.total_interactions + round_size,
                slack=0,
                written=int(state["written"]),
            )
            pool = opened.enter_context(closing(config.make_pool()))
            self.collector = Collector(
                pool,
                config.interactions,
                "touch" if self.agent.options.hold else "no-hold",
                predicted_share=1.0,
                temperature=config.temperature,
                device=self.agent.device,
                seed=config.seed,
                memory=self.agent.options.see_memory,
                group_size=config.group_size,
            )
            self.folder.write_options()
            self._opened = opened.pop_all()

    def run(self) -> bool:
        """Play until the planned interactions are reached or somebody asks to stop.

        Returns:
            True if the run is complete; the weights that played are then in ``out/weights``. False if it was
            interrupted by SIGINT or SIGTERM; everything is saved then.

        Raises:
            envs.parallel.pool.WorkerLost: An environment worker was lost. The run can go on from its last checkpoint.
        """
        from rich.console import Console
        from rich.progress import Progress

        from train.runs.stopping import stop_requested

        config, replay, console = self.config, self.replay, Console()
        networks = (self.agent.interaction, self.agent.part)
        start, began = replay.written, time.monotonic()
        with stop_requested() as stop, Progress(console=console, disable=not console.is_terminal) as progress:
            task = progress.add_task("playing", total=config.total_interactions, completed=start)
            while replay.written < config.total_interactions and not stop:
                before = replay.written
                self.collector.play(networks, replay, self.rounds, config.epsilon)
                self.rounds += 1
                progress.update(task, completed=replay.written)
                if replay.written // config.log_every > before // config.log_every:
                    rate = (replay.written - start) / (time.monotonic() - began)
                    print(f"{replay.written} interactions, {rate:.0f} a second", flush=True)
                if replay.written // config.checkpoint_every > before // config.checkpoint_every:
                    self.save()
            self.save()
        if replay.written < config.total_interactions:
            print(f"stopped at {replay.written} interactions; the same command goes on from here", flush=True)
            return False
        self.agent.save_pretrained(config.out / "weights")
        return True

    def save(self) -> None:
        """Write the checkpoint: a killed run goes on from here."""
        self.replay.flush()
        self.folder.save({"written": self.replay.written, "rounds": self.rounds})

    def close(self) -> None:
        """End the workers and unlock the folder."""
        self._opened.close()


def main(arguments: list[str] | None = None) -> int:
    """Entry point.

    Args:
        arguments: Command line; None takes the process's.

    Returns:
        The exit status, as :func:`train.runs.command.run_command`.
    """
    import tyro

    from train.runs.command import run_command

    def start() -> Run:
        config = tyro.cli(RecordConfig, args=arguments, description=__doc__, prog="python -m train.record")
        return Recorder(config)

    return run_command(start)


if __name__ == "__main__":
    sys.exit(main())
