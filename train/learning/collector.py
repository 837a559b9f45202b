"""Plays episodes in all environments with the networks in training and stores what happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from atp.acting.selection import NO_HOLD, sampled_actions
from atp.ground import ground_depth, ground_plane
from atp.metrics import score_motion
from atp.networks import InteractionNetwork, PartNetwork, encoding
from atp.part_memory.memory import PartMemory
from atp.perception.foreground import above_plane
from atp.playing.policies import random_action
from envs.parallel.pool import Arrays, EnvironmentPool
from envs.truth import MOVED_PIXELS
from train.data.records import pack_depth, record_type
from train.data.replay import Replay
from train.runs.round_statistics import RoundStatistics
from train.signals.hindsight import hindsight_codes
from train.signals.reward import Rewards, Variant, interaction_reward


@dataclass
class _Group:
    """Environments that are acted for together, in one episode each.

    Attributes:
        members: (G,) their indices.
        rng: Source of their actions.
        generator: The same for those sampled from reward maps.
        memories: Their part memories.
        waiting: Those that have not answered yet.
        interactions_done: Interactions answered, -1 before the first observation.
        before: Their last observation; with it ``ground`` (G,) float32, metres (:func:`atp.ground.ground_depth`),
            ``foreground`` (G, H, W) bool, and what trials found in that state, if there are any.
        labels: (G, H, W) part memories before the action under way.
        actions: (G, 5) the action under way.
        explored: (G,) whether it was random.
        records: One array for each interaction, (G,) records of the replay.
        statistics: Of their interactions.
    """

    members: NDArray[np.intp]
    rng: np.random.Generator
    generator: torch.Generator
    memories: list[PartMemory]
    waiting: set[int]
    interactions_done: int = -1
    before: Arrays = field(default_factory=dict)
    labels: NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, np.uint8))
    actions: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    explored: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))
    records: list[NDArray[Any]] = field(default_factory=list)
    statistics: RoundStatistics = field(default_factory=RoundStatistics)


class Collector:
    """Acts in environments as they answer: those of a group together, groups independently of one another.

    What happens depends on the seed and on the groups, and not on which group answers first.

    Args:
        pool: The environments.
        interactions: Interactions in an episode.
        variant: Variant of the reward; without a hold, nothing is held.
        predicted_share: Share of the environments whose part memory comes from predicted motion masks; in the others
            it comes from the true ones, which are better than the network's at first.
        temperature: Of the actions sampled from reward maps, see :func:`atp.acting.selection.sampled_actions`.
        device: Of the networks.
        seed: Seeds the episodes and the actions.
        see_memory: Whether the interaction network sees the part memory. Rewards are judged with it in any case.
        guided: Share of the random actions that are the best of the state's trials (:mod:`envs.trials`), where one of
            them moved a part.
        group_size: Environments of a group. Small groups wait less for their slowest, large ones make larger batches.
    """

    def __init__(
        self,
        pool: EnvironmentPool,
        interactions: int,
        variant: Variant,
        predicted_share: float,
        temperature: float,
        device: torch.device,
        seed: int | tuple[int, ...],
        see_memory: bool = True,
        group_size: int = 4,
        guided: float = 0.0,
    ) -> None:
        self.pool, self.interactions, self.variant = pool, interactions, variant
        self.predicted = np.arange(pool.count) < predicted_share * pool.count
        self.temperature, self.device = temperature, device
        self.seed = (seed,) if isinstance(seed, int) else seed
        self.holds, self.see_memory = variant != "no-hold", see_memory
        self.group_size, self.guided = group_size, guided
        self._asked_round: int | None = None

    def play(
        self,
        networks: tuple[InteractionNetwork, PartNetwork],
        replay: Replay,
        round_index: int,
        epsilon: float,
        meanwhile: Callable[[], bool] = lambda: False,
    ) -> RoundStatistics:
        """Play one episode in every environment and append it to ``replay``.

        The episodes depend on the seed, the round's index and the networks alone. When they are over, the environments
        are already asked to start those of the next round.

        Args:
            networks: The interaction and the part network, in evaluation mode.
            replay: Where the interactions go, when all episodes are over.
            round_index: Number of this round in the run.
            epsilon: Probability that an action is random.
            meanwhile: Called while no environment is ready, and then until it returns False, before anything is stored.

        Returns:
            Statistics of the round.

        Raises:
            envs.parallel.pool.WorkerLost: A worker was lost several times, or an environment raised an error.
        """
        self._start(round_index)
        groups = self._groups(round_index)
        group_of = {int(index): group for group in groups for index in group.members}
        while any(group.waiting for group in groups):
            answers = self.pool.wait(0)
            if not answers and not meanwhile():
                answers = self.pool.wait(1)
            ready = []
            for index in answers:
                group = group_of[index]
                group.waiting.remove(index)
                if not group.waiting:
                    ready.append(group)
            for group in ready:
                self._advance(group, networks, epsilon)
        while meanwhile():
            pass  # with what was stored before this round, however the time was shared
        statistics = RoundStatistics()
        for group in groups:
            statistics.add(group.statistics)
        for records in zip(*(group.records for group in groups), strict=True):
            replay.append(np.concatenate(records))
        self._start(round_index + 1)
        return statistics

    def _start(self, round_index: int) -> None:
        """Ask all environments to start the episodes of a round, unless they are asked already."""
        if self._asked_round != round_index:
            if self._asked_round is not None:
                self.pool.wait(self.pool.count)  # for another round, which is not played now
            seeds = np.random.default_rng([*self.seed, round_index]).integers(2**31, size=self.pool.count)
            for index, seed in enumerate(seeds):
                self.pool.reset_async(index, int(seed))
        self._asked_round = round_index

    def _groups(self, round_index: int) -> list[_Group]:
        """The groups at the start of a round, which wait for their first observation."""
        shape = self.pool.observation["depth"].shape[1:]
        groups = []
        for number, first in enumerate(range(0, self.pool.count, self.group_size)):
            members = np.arange(first, min(first + self.group_size, self.pool.count))
            rng = np.random.default_rng([*self.seed, round_index, number])
            generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
            memories = [PartMemory(shape) for _ in members]
            groups.append(_Group(members, rng, generator, memories, set(members.tolist())))
        return groups

    def _advance(self, group: _Group, networks: tuple[InteractionNetwork, PartNetwork], epsilon: float) -> None:
        """Take in what a group answered, and act in it unless its episodes are over."""
        after = _select(self.pool.observation, group.members)
        planes = [ground_plane(depth) for depth in after["depth"]]
        pairs = list(zip(after["depth"], planes, strict=True))
        after["ground"] = np.array([ground_depth(*pair) for pair in pairs], np.float32)
        after["foreground"] = np.stack([above_plane(*pair) for pair in pairs])
        truth = _select(self.pool.privileged, group.members)
        after |= {name: array for name, array in truth.items() if name.startswith("trial_")}
        if group.interactions_done >= 0:
            self._look(group, networks[1], after, truth)
        group.before = after
        group.interactions_done += 1
        if group.interactions_done == self.interactions:
            return
        group.labels = np.stack([memory.labels for memory in group.memories])
        self._act(group, networks[0], epsilon)
        for index, action in zip(group.members.tolist(), group.actions, strict=True):
            self.pool.step_async(index, action)
        group.waiting = set(group.members.tolist())

    def _look(self, group: _Group, network: PartNetwork, after: Arrays, truth: Arrays) -> None:
        """See what a group's action did, remember it and keep it as records."""
        moved = np.stack([truth["moved_before"], truth["moved_after"]], axis=1)
        from_network = self.predicted[group.members]
        predicted = self._perceive(network, group, after, np.flatnonzero(from_network))
        statistics = group.statistics
        for i, memory in enumerate(group.memories):
            masks = predicted[i] if from_network[i] else moved[i]
            memory.update(masks[0], masks[1])
            if from_network[i] and moved[i].any():
                statistics.motion_iou.append(score_motion(*predicted[i], *moved[i])[0])
        group.records.append(self._records(group, after, moved, truth))
        statistics.explored += group.explored.tolist()
        statistics.optimal += truth["optimal"].tolist()
        statistics.effective += truth["effective"].tolist()
        statistics.first += (group.interactions_done < truth["num_parts"]).tolist()
        if group.interactions_done == 0:
            images = {"before": group.before["rgb"][0], "after": after["rgb"][0]}
            masks = predicted[0]
            statistics.images = images | {"moved_before": masks[0], "moved_after": masks[1]}

    def _act(self, group: _Group, network: InteractionNetwork, epsilon: float) -> None:
        """Choose the actions of a group."""
        observation, rng = group.before, group.rng
        group.explored = rng.random(len(group.members)) < epsilon
        group.actions = np.zeros((len(group.members), 5), np.int64)
        shape = observation["rgb"].shape[1:3]
        for i in np.flatnonzero(group.explored):
            group.actions[i] = random_action(observation["depth"][i], shape, rng)
            if self.guided and rng.random() < self.guided and observation["trial_worth"][i].any():
                group.actions[i] = observation["trial_actions"][i, observation["trial_worth"][i].argmax()]
            if not self.holds:
                group.actions[i, :2] = NO_HOLD
        from_maps = np.flatnonzero(~group.explored)
        if len(from_maps):
            image = _image(observation, from_maps)
            memory = encoding.memory_tensor(self._seen(group.labels[from_maps]))
            group.actions[from_maps] = sampled_actions(
                network,
                image.to(self.device),
                memory.to(self.device),
                self.temperature,
                group.generator,
                self.holds,
            )

    def _seen(self, labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Part memories as the interaction network sees them, in acting and, from the replay, in learning."""
        return labels if self.see_memory else np.zeros_like(labels)

    @torch.inference_mode()
    def _perceive(
        self, network: PartNetwork, group: _Group, after: Arrays, which: NDArray[np.intp]
    ) -> NDArray[np.bool_]:
        """Motion masks (G, 2, H, W) of a group, those of ``which`` predicted and the others empty."""
        before = group.before
        masks = np.zeros((len(group.members), 2, *after["depth"].shape[1:]), bool)
        if len(which):
            first, second = _image(before, which), _image(after, which)
            maps = encoding.action_tensor(group.actions[which], masks.shape[2:])
            logits = network(first.to(self.device), second.to(self.device), maps.to(self.device))
            masks[which] = (torch.stack(logits, 1) > 0).cpu().numpy()
        return masks

    def _records(self, group: _Group, after: Arrays, moved: NDArray[np.bool_], truth: Arrays) -> NDArray[Any]:
        """The interactions of a group as records of the replay."""
        before, labels = group.before, group.labels
        trials = before["trial_actions"].shape[1] if "trial_actions" in before else 0
        height, width = labels.shape[1:]
        records = np.zeros(len(group.members), record_type(height, width, trials))
        records["rgb"] = np.stack([before["rgb"], after["rgb"]], axis=1)
        records["depth"] = pack_depth(np.stack([before["depth"], after["depth"]], axis=1))
        records["ground"] = np.stack([before["ground"], after["ground"]], axis=1)
        records["memory"] = self._seen(labels)
        records["moved"] = moved
        records["action"] = group.actions
        for i, record in enumerate(records):
            state = labels[i], before["foreground"][i]
            found = self._judge(group.actions[i], after["touch"][i], truth["flow"][i], *state)
            record["rewards"], record["hindsight"] = found
            for k in range(trials):
                action = before["trial_actions"][i, k]
                found = self._judge(action, before["trial_touch"][i, k], before["trial_flow"][i, k], *state)
                record["trial_actions"][k] = action
                record["trial_rewards"][k], record["trial_hindsight"][k] = found
        return records

    def _judge(
        self,
        action: NDArray[np.integer],
        touch: NDArray[np.generic],
        flow: NDArray[np.float32],
        labels: NDArray[np.uint8],
        foreground: NDArray[np.bool_],
    ) -> tuple[Rewards, NDArray[np.uint8]]:
        """Rewards of an action and what it says of other pixels, given what it did to the image before."""
        flowed = np.hypot(flow[..., 0], flow[..., 1]) > MOVED_PIXELS
        touched = (bool(touch[0]), bool(touch[1]))
        if self.variant == "no-touch":
            touched = (True, True)  # no bits: read as if both had touched
        known = foreground if foreground.any() else None
        rewards = interaction_reward(*touched, flowed, action[:2], labels, self.variant, foreground=known)
        if not self.holds:
            touched = (True, touched[1])  # there is no hold that could have failed
        return rewards, hindsight_codes(rewards, flow, flowed, action[:2], touched, foreground)


def _select(arrays: Arrays, members: NDArray[np.intp]) -> Arrays:
    """Copies of what some environments answered."""
    return {name: array[members] for name, array in arrays.items()}


def _image(observation: Arrays, which: NDArray[np.intp]) -> torch.Tensor:
    """The network input of some of a group's environments."""
    return encoding.image_tensor(*(observation[name][which] for name in ("rgb", "depth", "ground")))
