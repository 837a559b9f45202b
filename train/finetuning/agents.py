"""Fine-tunes of the agent's two networks from one initialisation, and scores on play that was not trained with."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from atp.agent import Agent
from atp.metrics import mask_iou
from atp.networks import InteractionNetwork, PartNetwork, encoding
from atp.types import MIN_PART_PIXELS
from train.config import LearnerConfig
from train.data.records import decode
from train.data.replay import Replay
from train.learning.learner import Learner
from train.signals.hindsight import hindsight_loss
from train.signals.losses import interaction_loss

#: Records in a forward pass of scoring.
BATCH = 25


@dataclass(frozen=True)
class AgentRecipe:
    """Options of one fine-tune.

    Attributes:
        steps: Gradient steps of each network.
        learner: How they are made.
        seed: Decides the batches.
    """

    steps: int
    learner: LearnerConfig
    seed: int


@dataclass(frozen=True)
class AgentSpace:
    """Ranges of a random search: uniform, or log-uniform where it says so.

    Attributes:
        learning_rate: Log-uniform; peak of AdamW.
        weight_decay: Log-uniform.
        steps: Whole numbers, both ends included.
        moved_share: Share of the part network's batch in which something moved.
        hindsight: Weight of the labels of pixels that were not touched.
        batch_size: Of all.
    """

    learning_rate: tuple[float, float] = (2e-4, 1e-3)
    weight_decay: tuple[float, float] = (1e-3, 1e-1)
    steps: tuple[int, int] = (80, 160)
    moved_share: tuple[float, float] = (0.5, 0.9)
    hindsight: tuple[float, float] = (0.25, 1.0)
    batch_size: int = 24

    def draw(self, seed: int, number: int) -> AgentRecipe:
        """Recipe ``number`` of a sweep; it depends on the seed and its number alone."""
        rng = np.random.default_rng([seed, number])
        rate, decay = (math.exp(rng.uniform(*np.log(limits))) for limits in (self.learning_rate, self.weight_decay))
        learner = LearnerConfig(
            batch_size=self.batch_size,
            learning_rate=rate,
            weight_decay=decay,
            warmup=20,
            ema=0.98,
            moved_share=float(rng.uniform(*self.moved_share)),
            hindsight=float(rng.uniform(*self.hindsight)),
        )
        steps = int(rng.integers(self.steps[0], self.steps[1] + 1))
        return AgentRecipe(steps, learner, int(rng.integers(2**31)))


def fine_tune_agent(
    initial: Agent, play: Replay, recipe: AgentRecipe, progress: Callable[[], None] = lambda: None
) -> Agent:
    """Train both networks of an agent further on stored play.

    Args:
        initial: The agent; it stays as it is.
        play: The interactions.
        recipe: How.
        progress: Called after each step.

    Returns:
        The agent with the averaged networks.
    """
    copies = copy.deepcopy({"interaction": initial.interaction, "part": initial.part})
    learner = Learner(recipe.learner, recipe.steps, initial.device, recipe.seed, copies)
    while learner.steps < recipe.steps:
        learner.step(play)
        progress()
    interaction, part = learner.acting
    return Agent(interaction, part, initial.config, device=initial.device.type)


@torch.inference_mode()
def part_score(network: PartNetwork, records: NDArray[Any], device: torch.device) -> float:
    """How well motion is seen in stored play.

    Args:
        network: The part network, in evaluation mode.
        records: (N,) of the replay.
        device: Where to compute.

    Returns:
        Mean over the interactions of the motion IoU of both images; where nothing moved, 1 if nothing is seen to move
        (no more than ``MIN_PART_PIXELS``) and 0 if something is.
    """
    scores = []
    for some in _batches(records):
        batch = decode(some)
        maps = encoding.action_tensor(batch["action"], some["rgb"].shape[2:4])
        inputs = (each.to(device) for each in (batch["before"], batch["after"], maps))
        seen = torch.stack(network(*inputs), 1).cpu().numpy() > 0
        for mine, true in zip(seen, some["moved"], strict=True):
            if true.any():
                scores.append((mask_iou(mine[0], true[0]) + mask_iou(mine[1], true[1])) / 2)
            else:
                scores.append(float(mine.sum(axis=(1, 2)).max() <= MIN_PART_PIXELS))
    return float(np.mean(scores))


@torch.inference_mode()
def interaction_score(network: InteractionNetwork, records: NDArray[Any], device: torch.device) -> float:
    """How well rewards are foreseen in stored play: minus the loss that is learned with.

    Args:
        network: The interaction network, in evaluation mode.
        records: (N,) of the replay.
        device: Where to compute.

    Returns:
        Minus the mean loss.
    """
    losses = []
    for some in _batches(records):
        batch = {name: tensor.to(device) for name, tensor in decode(some).items()}
        hold, push = network(batch["before"], batch["memory"], batch["action"][:, :2])
        loss = interaction_loss(hold, push, batch["action"], batch["rewards"])
        loss = loss + 0.5 * hindsight_loss(hold, push, batch["hindsight"])
        losses.append(float(loss))
    return -float(np.mean(losses))


def _batches(records: NDArray[Any]) -> list[NDArray[Any]]:
    """Batches of one size, so that the mean over them is one over all; the rest is left out."""
    count = max(1, len(records) // BATCH)
    return [records[start : start + BATCH] for start in range(0, count * BATCH, BATCH)]
