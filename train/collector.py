"""Plays episodes in all environments with the networks in training and stores what happened."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from atp import encoding
from atp.hindsight import hindsight_codes
from atp.memory import PartMemory
from atp.networks import InteractionNetwork, PartNetwork
from atp.objectness import object_mask
from atp.policies import random_action
from atp.reward import Variant, interaction_reward
from atp.selection import NO_HOLD, sampled_actions
from envs.truth import MOVED_PIXELS
from train.replay import Replay, pack_depth, record_type
from train.rollouts import Rollouts


@dataclass
class RoundStatistics:
    """What one round of episodes gave. Lists have one entry per interaction.

    Attributes:
        explored: Whether the action was drawn at random.
        optimal: Whether the step was optimal.
        effective: Whether the step was effective.
        first: Whether the step was among the first N of an object with N parts.
        motion_iou: Mean IoU of both motion masks where something moved and the masks were predicted.
        picture: rgb before and after and the predicted masks of one interaction, for the log.
    """

    explored: list[bool] = field(default_factory=list)
    optimal: list[bool] = field(default_factory=list)
    effective: list[bool] = field(default_factory=list)
    first: list[bool] = field(default_factory=list)
    motion_iou: list[float] = field(default_factory=list)
    picture: dict[str, NDArray] | None = None


class Collector:
    """Acts in all environments at once.

    Args:
        rollouts: The environments.
        interactions: Interactions in an episode.
        variant: Variant of the reward; without a hold, nothing is held.
        predicted_share: Share of the environments whose part memory comes from predicted motion masks; in the others
            it comes from the true ones, which are better than the network's at first.
        temperature: Of the drawn actions, see :func:`atp.selection.sampled_actions`.
        device: Of the networks.
        seed: Seeds the actions.
        memory: Whether the interaction network sees the part memory. Rewards are judged with it in any case.
    """

    def __init__(
        self,
        rollouts: Rollouts,
        interactions: int,
        variant: Variant,
        predicted_share: float,
        temperature: float,
        device: torch.device,
        seed: int,
        memory: bool = True,
    ) -> None:
        self.rollouts, self.interactions, self.variant = rollouts, interactions, variant
        self.predicted = np.arange(rollouts.count) < predicted_share * rollouts.count
        self.temperature, self.device, self.seed = temperature, device, seed
        self.holds, self.memory = variant != "no-hold", memory

    def play(
        self,
        networks: tuple[InteractionNetwork, PartNetwork],
        replay: Replay,
        round_index: int,
        epsilon: float,
    ) -> RoundStatistics:
        """Play one episode in every environment and append it to ``replay``.

        The episodes depend on the seed, the round's index and the networks alone.

        Args:
            networks: The interaction and the part network, in evaluation mode.
            replay: Where the interactions go.
            round_index: Number of this round in the run.
            epsilon: Probability that an action is drawn at random.

        Returns:
            Statistics of the round.
        """
        rng = np.random.default_rng([self.seed, round_index])
        generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
        before, info = self.rollouts.reset(rng.integers(2**31, size=self.rollouts.count))
        height, width = before["rgb"].shape[1:3]
        memories = [PartMemory((height, width)) for _ in range(self.rollouts.count)]
        num_parts = info["privileged"]["num_parts"]
        statistics = RoundStatistics()
        for index in range(self.interactions):
            labels = np.stack([memory.labels for memory in memories])
            actions, explored = self._act(networks[0], before, labels, epsilon, rng, generator)
            after, _, _, info = self.rollouts.step(actions)
            truth = info["privileged"]
            moved = np.stack([truth["moved_before"], truth["moved_after"]], axis=1)
            predicted = self._perceive(networks[1], before, after, actions)
            for i, memory in enumerate(memories):
                masks = predicted[i] if self.predicted[i] else moved[i]
                memory.update(masks[0], masks[1])
                if self.predicted[i] and moved[i].any():
                    statistics.motion_iou.append(_mean_iou(predicted[i], moved[i]))
            replay.append(self._records(before, after, labels, moved, actions, truth))
            statistics.explored += explored.tolist()
            statistics.optimal += truth["optimal"].tolist()
            statistics.effective += truth["effective"].tolist()
            statistics.first += (index < num_parts).tolist()
            if index == 0:
                masks = predicted[0]
                pictures = {"before": before["rgb"][0], "after": after["rgb"][0]}
                statistics.picture = pictures | {"moved_before": masks[0], "moved_after": masks[1]}
            before = after
        return statistics

    def _act(
        self,
        network: InteractionNetwork,
        observation: dict[str, NDArray],
        labels: NDArray[np.uint8],
        epsilon: float,
        rng: np.random.Generator,
        generator: torch.Generator,
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Actions (E, 5) of all environments, and which were drawn at random (E,)."""
        explored = rng.random(self.rollouts.count) < epsilon
        actions = np.zeros((self.rollouts.count, 5), np.int64)
        shape = observation["rgb"].shape[1:3]
        for i in np.flatnonzero(explored):
            actions[i] = random_action(observation["depth"][i], shape, rng)
            if not self.holds:
                actions[i, :2] = NO_HOLD
        greedy = np.flatnonzero(~explored)
        if len(greedy):
            image = encoding.image_tensor(observation["rgb"][greedy], observation["depth"][greedy])
            memory = encoding.memory_tensor(self._seen(labels[greedy]))
            actions[greedy] = sampled_actions(
                network,
                image.to(self.device),
                memory.to(self.device),
                self.temperature,
                generator,
                self.holds,
            )
        return actions, explored

    def _seen(self, labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Part memories as the interaction network sees them, in acting and, from the replay, in learning."""
        return labels if self.memory else np.zeros_like(labels)

    @torch.inference_mode()
    def _perceive(
        self,
        network: PartNetwork,
        before: dict[str, NDArray],
        after: dict[str, NDArray],
        actions: NDArray[np.int64],
    ) -> NDArray[np.bool_]:
        """Motion masks (E, 2, H, W) of the environments that use predicted ones; empty for the others."""
        masks = np.zeros((self.rollouts.count, 2, *before["rgb"].shape[1:3]), bool)
        which = np.flatnonzero(self.predicted)
        if len(which):
            first, second = (
                encoding.image_tensor(o["rgb"][which], o["depth"][which]) for o in (before, after)
            )
            maps = encoding.action_tensor(actions[which], masks.shape[2:])
            logits = network(first.to(self.device), second.to(self.device), maps.to(self.device))
            masks[which] = (torch.stack(logits, 1) > 0).cpu().numpy()
        return masks

    def _records(
        self,
        before: dict[str, NDArray],
        after: dict[str, NDArray],
        labels: NDArray[np.uint8],
        moved: NDArray[np.bool_],
        actions: NDArray[np.int64],
        truth: dict[str, Any],
    ) -> NDArray:
        """The interactions as records of the replay."""
        records = np.zeros(self.rollouts.count, record_type(*labels.shape[1:]))
        records["rgb"] = np.stack([before["rgb"], after["rgb"]], axis=1)
        records["depth"] = pack_depth(np.stack([before["depth"], after["depth"]], axis=1))
        records["memory"] = self._seen(labels)
        records["moved"] = moved
        records["action"] = actions
        flowed = np.hypot(truth["flow"][..., 0], truth["flow"][..., 1]) > MOVED_PIXELS
        for i, touch in enumerate(after["touch"]):
            touched = (bool(touch[0]), bool(touch[1]))
            if self.variant == "no-touch":
                touched = (True, True)  # no bits: read as if both had touched
            on_object = object_mask(before["depth"][i])
            rewards = interaction_reward(
                *touched,
                flowed[i],
                actions[i, :2],
                labels[i],
                self.variant,
                on_object=on_object if on_object.any() else None,
            )
            records["rewards"][i] = rewards
            if not self.holds:
                touched = (True, touched[1])  # there is no hold that could have failed
            records["hindsight"][i] = hindsight_codes(
                rewards, truth["flow"][i], flowed[i], actions[i, :2], touched, on_object
            )
        return records


def _mean_iou(predicted: NDArray[np.bool_], true: NDArray[np.bool_]) -> float:
    """Mean over both frames of the IoU of (2, H, W) masks."""
    union = (predicted | true).sum(axis=(1, 2))
    return float(((predicted & true).sum(axis=(1, 2)) / np.maximum(union, 1)).mean())
