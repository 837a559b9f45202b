"""Gradient steps for both networks from stored interactions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.optim.swa_utils import AveragedModel

from atp.networks import InteractionNetwork, PartNetwork
from train.config import LearnerConfig
from train.data.records import decode, decode_pairs, draw_actions
from train.data.replay import StoredPlay
from train.learning.optimizer import MuonAdamW
from train.learning.schedule import lr_at
from train.runs.distributed import ProcessGroup
from train.signals.augmentation import AugmentationConfig, augment
from train.signals.hindsight import hindsight_loss
from train.signals.losses import agent_loss, interaction_loss, mask_loss

#: What the part network learns from, by name in a batch.
PART_TENSORS = (
    "before", "after", "action_maps", "moved_before", "moved_after", "agent_before", "agent_after"
)  # fmt: skip


class Learner:
    """The two networks, their optimisers and their averaged copies.

    Args:
        config: Options.
        total_steps: Gradient steps of the whole run, for the learning rate (:mod:`train.learning.schedule`).
        device: Where to compute.
        seed: Seeds initial weights, samples and augmentation.
        networks: Trained networks to start with, by name; others are new.
        learns: Names of the networks that learn; others stay as they are.
        group: Processes that learn together, each with batches of its own; gradients are averaged.
    """

    def __init__(
        self,
        config: LearnerConfig,
        total_steps: int,
        device: torch.device,
        seed: int,
        networks: Mapping[str, nn.Module] | None = None,
        learns: Sequence[str] = ("interaction", "part"),
        group: ProcessGroup | None = None,
    ) -> None:
        self.config, self.total_steps, self.device = config, max(1, total_steps), device
        self.group = group or ProcessGroup()
        self._seed = seed
        torch.manual_seed(seed)  # initial weights
        self.networks = nn.ModuleDict(
            {
                "interaction": InteractionNetwork(config.width),
                "part": PartNetwork(config.width),
                **(networks or {}),
            }
        ).to(device)
        self.networks.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.averaged = AveragedModel(self.networks, multi_avg_fn=_moving_average(config.ema))
        self.averaged.eval()
        self.optimizers = {
            name: _optimizer(network, config) for name, network in self.networks.items() if name in learns
        }
        if config.compile:
            for name in self.optimizers:
                self.networks[name].compile()  # in place: the names of its weights stay
        self._trained = {name: self.group.wrap(self.networks[name]) for name in self.optimizers}
        native = has_native_bfloat16(device)
        self._bfloat16 = native if config.bfloat16 is None else config.bfloat16
        self.steps = 0
        self._aside: dict[str, torch.Tensor] = {}  # losses of the step that are part of another one

    @property
    def acting(self) -> tuple[InteractionNetwork, PartNetwork]:
        """The averaged networks."""
        return self.averaged.module["interaction"], self.averaged.module["part"]  # type: ignore[index]

    def step(self, replay: StoredPlay | None, pairs: NDArray[Any] | None = None) -> dict[str, torch.Tensor]:
        """One gradient step for each network that learns.

        Args:
            replay: Where interactions are drawn from; None where the part network learns from pairs alone.
            pairs: Image pairs (:func:`train.data.pair_sources.pair_type`) that the part network's batch gets in
                addition; they are not rotated, only mirrored.

        Returns:
            Losses and gradient norms by name, each (); to read one waits for the device.
        """
        rng, generator = self._randomness()
        rate = lr_at(self.steps, self.config, self.total_steps)
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = rate
        losses: dict[str, Callable[[], torch.Tensor]] = {
            "part": lambda: self._part_loss(replay, pairs, rng, generator),
            "interaction": lambda: self._interaction_loss(replay, rng, generator),
        }
        scalars = {"learning_rate": torch.tensor(rate)}
        self._aside = {}
        for name, loss_of in losses.items():
            if name not in self.optimizers:
                continue
            loss = loss_of()
            self.optimizers[name].zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            norm = nn.utils.clip_grad_norm_(self.networks[name].parameters(), 1.0)
            self.optimizers[name].step()
            scalars |= {f"loss/{name}": loss.detach(), f"gradient_norm/{name}": norm, **self._aside}
        self.averaged.update_parameters(self.networks)
        self.steps += 1
        return scalars

    def _randomness(self) -> tuple[np.random.Generator, torch.Generator]:
        """The sources of randomness of the step to come: they depend on the seed, the step and the process alone."""
        rng = np.random.default_rng([self._seed, 2, self.steps, self.group.rank])
        return rng, torch.Generator().manual_seed(int(rng.integers(2**62)))

    def _part_loss(
        self,
        replay: StoredPlay | None,
        pairs: NDArray[Any] | None,
        rng: np.random.Generator,
        generator: torch.Generator,
    ) -> torch.Tensor:
        """Motion segmentation of stored interactions and of pairs, and where agents are."""
        batches = []
        if replay is not None:
            moved, share = replay.moved, self.config.moved_share
            weights = np.where(moved, share / max(moved.sum(), 1), (1 - share) / max((~moved).sum(), 1))
            batches.append(self._batch(decode(replay.sample(self.config.batch_size, rng, weights)), generator))
        if pairs is not None:
            batches.append(self._batch(decode_pairs(pairs), generator, AugmentationConfig(upright=True)))
        batch = {name: torch.cat([each[name] for each in batches]) for name in PART_TENSORS}
        agents = self.networks["part"].segments_agents and self.config.agent > 0
        with self._autocast():
            found = self._trained["part"](batch["before"], batch["after"], batch["action_maps"], bool(agents))
        loss = mask_loss(found[0], batch["moved_before"]) + mask_loss(found[1], batch["moved_after"])
        if not agents:
            return loss
        seen = agent_loss(found[2], batch["agent_before"]) + agent_loss(found[3], batch["agent_after"])
        self._aside["loss/agent"] = seen.detach()
        return loss + self.config.agent * seen

    def _interaction_loss(
        self, replay: StoredPlay | None, rng: np.random.Generator, generator: torch.Generator
    ) -> torch.Tensor:
        """Rewards of stored interactions at their executed pixels, and what they say of others."""
        if replay is None:
            raise ValueError("the interaction network learns from play alone")
        records = draw_actions(replay.sample(self.config.batch_size, rng, replay.judged.astype(float)), rng)
        batch = self._batch(decode(records), generator)
        with self._autocast():
            hold, push = self._trained["interaction"](batch["before"], batch["memory"], batch["action"][:, :2])
        loss = interaction_loss(hold, push, batch["action"], batch["rewards"])
        if self.config.hindsight:
            loss = loss + self.config.hindsight * hindsight_loss(hold, push, batch["hindsight"])
        return loss

    def _batch(
        self,
        decoded: dict[str, torch.Tensor],
        generator: torch.Generator,
        augmentation: AugmentationConfig | None = None,
    ) -> dict[str, torch.Tensor]:
        """Stored interactions or pairs as augmented tensors on the device."""
        batch = augment(decoded, augmentation or AugmentationConfig(), generator)
        if self.device.type == "cuda":  # pinned memory is copied while the GPU computes
            batch = {name: tensor.pin_memory() for name, tensor in batch.items()}
        return {name: tensor.to(self.device, non_blocking=True) for name, tensor in batch.items()}

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self._bfloat16)

    def state_dict(self) -> dict[str, Any]:
        """Everything that :meth:`load_state_dict` needs to resume exactly; tensors, numbers and dicts only."""
        return {
            "networks": self.networks.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
            "steps": self.steps,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a state from :meth:`state_dict`."""
        self.networks.load_state_dict(state["networks"])
        self.averaged.load_state_dict(state["averaged"])
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        self.steps = state["steps"]


def has_native_bfloat16(device: torch.device) -> bool:
    """Whether a device computes in bfloat16 and does not only imitate it."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def _optimizer(network: nn.Module, config: LearnerConfig) -> MuonAdamW | torch.optim.AdamW:
    """The optimiser of a network; what is frozen stays as it is."""
    options = ([each for each in network.parameters() if each.requires_grad], config.learning_rate)
    if config.optimizer == "muon":
        return MuonAdamW(*options, config.weight_decay)
    return torch.optim.AdamW(*options, weight_decay=config.weight_decay)


def _moving_average(decay: float) -> Callable[[Any, Any, Any], None]:
    """Update of an exponential moving average whose decay grows to ``decay``: initial weights are soon forgotten."""

    @torch.no_grad()
    def update(averaged: list[torch.Tensor], current: list[torch.Tensor], count: torch.Tensor | int) -> None:
        now = min(decay, (1 + int(count)) / (10 + int(count)))
        torch._foreach_lerp_(averaged, current, 1 - now)

    return update
