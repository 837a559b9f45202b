"""The agent: its two networks, its part memory and how they work together (AtP, arXiv 2105.01047, sec. 4)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from atp import checkpoint
from atp.acting.selection import best_actions
from atp.networks import InteractionNetwork, PartNetwork, encoding
from atp.networks.averaging import SymmetryAveraged
from atp.networks.rotated_passes import RotatedPasses
from atp.part_memory.memory import PartMemory
from atp.perception.depth_refinement import complete_parts, fit_motion
from atp.perception.foreground import object_mask
from atp.perception.motion import averaged_motion, motion_confidence

Observation = dict[str, NDArray[Any]]
Mask = NDArray[np.bool_]

#: Motion smaller than this many pixels is taken for noise.
MIN_PART_PIXELS = 20
#: Certainty of weights whose config tells none.
MOTION_THRESHOLD = 6.0
#: A part is examined for further parts this many pixels inside its mask.
RIM = 2


def pick_device(name: str) -> torch.device:
    """Turn ``auto``, ``cpu`` or ``cuda`` into a device; ``auto`` takes the GPU where there is one.

    Raises:
        ValueError: Another name, or ``cuda`` without a usable GPU.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name not in ("cpu", "cuda"):
        raise ValueError(f"device must be auto, cpu or cuda, not {name!r}")
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("device 'cuda' was asked for, but PyTorch sees no GPU; use --device cpu")
    return torch.device(name)


class Agent:
    """Plays with an object and remembers its parts.

    A loop with an environment::

        observation, _ = env.reset(seed=0)
        agent.reset(observation)
        for _ in range(5):
            action = agent.act(observation)
            after, _, _, _, _ = env.step(action)
            parts = agent.observe(observation, action, after)   # (H, W) uint8, 0 background
            observation = after

    Observations are dictionaries with ``rgb`` uint8 (H, W, 3), ``depth`` float32 (H, W) in metres (None, zeros or a
    missing key: no depth) and ``touch`` (2,).

    Args:
        interaction: The interaction network.
        part: The part network.
        config: What the checkpoint's ``config.json`` says; kept for :meth:`save_pretrained`. ``"holds":
            false`` makes an agent that pushes without holding, ``"memory": false`` one whose interaction network
            does not see the part memory; ``"motion_threshold"`` sets the attribute (``"certainty"`` in
            older checkpoints).
        device: ``auto``, ``cpu`` or ``cuda``.

    Attributes:
        motion_threshold: Motion is believed where the mean logit of what moved is at least this in both images. Below,
            it is mostly an object that gave way by less than a pixel. 0 believes all.
        refine_with_depth: Fit motion masks to the object's outline where there is depth
            (:mod:`atp.perception.depth_refinement`).
        residual: Where there is depth, report what is left of the object once a part is known as a part too. Off: a
            part is what was seen to move, as in AtP.
        symmetries: Turned and mirrored inputs, 1 to 8, over which the reward maps are averaged
            (:mod:`atp.networks.averaging`).
        rotated_passes: Ask about each push direction with a copy of the input of its own, as AtP does, in place of that
            average.
        mask_symmetries: Turned and mirrored inputs, 1 to 8, over which the motion masks are averaged.
        restrict_to_foreground: Hold and push only what depth shows to be the object, where there is depth.
        reexamine_discount: What moved as one may be several parts that moved together: an action within one known part
            is taken, as if no part were known, where its expected reward times this is larger than that of the best
            other action. 0 never does, as AtP.
        condition_on_action: Tell the part network the action where it is known.
    """

    def __init__(
        self,
        interaction: InteractionNetwork,
        part: PartNetwork,
        config: dict[str, Any] | None = None,
        device: str = "auto",
    ) -> None:
        self.device = pick_device(device)
        self.interaction = interaction.to(self.device).eval()
        self.part = part.to(self.device).eval()
        self.config = dict(config or {})
        self.holds = bool(self.config.get("holds", True))
        self.sees_memory = bool(self.config.get("memory", True))
        self.motion_threshold = float(
            self.config.get("motion_threshold", self.config.get("certainty", MOTION_THRESHOLD))
        )
        self.refine_with_depth = True
        self.residual = True
        self.symmetries = 8
        self.rotated_passes = False
        self.mask_symmetries = 1
        self.restrict_to_foreground = True
        self.reexamine_discount = 0.5
        self.condition_on_action = True
        self._memory: PartMemory | None = None
        self._failed: list[NDArray[np.int64]] = []
        self._on_object: Mask = np.zeros((0, 0), bool)

    @classmethod
    def from_pretrained(cls, path_or_name: str | Path = "default", device: str = "auto") -> Agent:
        """Load an agent.

        Args:
            path_or_name: A folder made by :meth:`save_pretrained`, or the name of shipped weights.
            device: ``auto``, ``cpu`` or ``cuda``.

        Returns:
            The agent, in evaluation mode.

        Raises:
            atp.checkpoint.CheckpointError: The folder is not a checkpoint of this agent; the message names the file.
        """
        config, networks = checkpoint.load_networks(checkpoint.resolve_pretrained(path_or_name))
        return cls(networks["interaction"], networks["part"], config, device)  # type: ignore[arg-type]

    def for_clips(self) -> Agent:
        """Set up for clips: something did move in them, and rooms stand upright.

        Returns:
            The agent itself.
        """
        self.motion_threshold = 0.0
        self.mask_symmetries = 2
        return self

    def save_pretrained(self, folder: str | Path, dtype: torch.dtype = torch.float16) -> None:
        """Write the networks (safetensors) and the config (JSON) to ``folder``.

        Args:
            folder: Where to; replaced as a whole if it is a checkpoint already.
            dtype: Of the stored weights.
        """
        networks: dict[str, nn.Module] = {"interaction": self.interaction, "part": self.part}
        checkpoint.save_checkpoint(folder, networks, self.config, dtype=dtype)

    @property
    def parts(self) -> NDArray[np.uint8]:
        """The parts found, (H, W) uint8 aligned with the current image: 0 background, 1.. parts.

        Those of the part memory; with ``residual`` and depth, the residual part as well
        (:mod:`atp.perception.depth_refinement`).
        """
        labels = self._require_memory().labels
        return complete_parts(labels, self._on_object) if self.residual else labels

    @property
    def memory(self) -> PartMemory:
        """The part memory itself: what has moved."""
        return self._require_memory()

    @property
    def failed(self) -> list[NDArray[np.int64]]:
        """(5,) actions that found no new part since the last one was found."""
        return list(self._failed)

    def reset(self, observation: Observation) -> None:
        """Forget everything and start with a new object.

        Args:
            observation: The first observation.
        """
        height, width = observation["rgb"].shape[:2]
        self._memory = PartMemory((height, width), MIN_PART_PIXELS)
        self._failed = []
        self._on_object = self._object_in(observation)

    def act(self, observation: Observation, within: Mask | None = None) -> NDArray[np.int64]:
        """Choose a hold and a push.

        Args:
            observation: The current observation.
            within: (H, W) bool, the pixels that can be reached; None: all.

        Returns:
            (5,) int64: hold row, hold col, push row, push col, direction k (k * 45 degrees).
        """
        return self.choose(observation, self._require_memory().labels, self._failed, within)

    def choose(
        self,
        observation: Observation,
        labels: NDArray[np.uint8],
        failed: Sequence[NDArray[np.int64]] = (),
        within: Mask | None = None,
    ) -> NDArray[np.int64]:
        """:meth:`act` for a part memory that somebody else keeps.

        Args:
            observation: The current observation.
            labels: (H, W) uint8 part memory aligned with it: 0 background, 1.. parts.
            failed: (5,) actions that found nothing new lately.
            within: (H, W) bool, the pixels that can be reached; None: all.

        Returns:
            (5,) int64 action.
        """
        image = encoding.image_tensor(observation["rgb"], observation.get("depth")).to(self.device)
        seen = labels if self.sees_memory else np.zeros_like(labels)
        network = (
            RotatedPasses(self.interaction)
            if self.rotated_passes
            else SymmetryAveraged(self.interaction, self.symmetries)
        )

        def best(memory: NDArray[np.uint8], regions: NDArray[Any]) -> tuple[NDArray[np.int64], float]:
            encoded = encoding.memory_tensor(memory).to(self.device)
            places = torch.from_numpy(regions.astype(np.uint8))[None].to(self.device)
            actions, values = best_actions(network, image, encoded, [failed], self.holds, places)
            return actions[0], float(values[0])

        on_object = self._object_in(observation) if self.restrict_to_foreground else np.zeros(labels.shape, bool)
        known = _without_rims(labels)
        if within is not None:
            on_object = on_object & within if (on_object & within).any() else within
            known = np.where(within, known, 0)
        action, value = best(seen, on_object)
        if self.reexamine_discount and self.holds and seen.any():
            other, doubtful = best(np.zeros_like(labels), known)
            if self.reexamine_discount * doubtful > value:
                return other
        return action

    def observe(self, before: Observation, action: NDArray[np.int64], after: Observation) -> NDArray[np.uint8]:
        """Take in what an interaction did.

        Args:
            before: The observation before it.
            action: (5,) the action.
            after: The observation after it.

        Returns:
            (H, W) uint8 part memory aligned with ``after``: 0 background, 1.. parts.
        """
        return self.remember(action, *self.segment_motion(before, after, action), after)

    def remember(
        self,
        action: NDArray[np.int64],
        moved_before: Mask,
        moved_after: Mask,
        after: Observation | None = None,
    ) -> NDArray[np.uint8]:
        """Take in motion masks, wherever they come from.

        Args:
            action: (5,) the action that was carried out.
            moved_before: (H, W) bool, what moved, in the image before it.
            moved_after: (H, W) bool, the same in the image after it.
            after: The observation after it, for its depth; None leaves out the residual part.

        Returns:
            As :meth:`observe`.
        """
        memory = self._require_memory()
        known = memory.num_parts
        memory.update(moved_before, moved_after)
        if memory.num_parts > known:
            self._failed = []  # a new part: the object is another one to the network now
        else:
            self._failed.append(np.asarray(action, np.int64))  # try something else
        nothing = np.zeros(memory.shape, bool)
        self._on_object = nothing if after is None else self._object_in(after)
        return self.parts

    def segment_motion(
        self, before: Observation, after: Observation, action: NDArray[np.int64] | None = None
    ) -> tuple[Mask, Mask]:
        """Which pixels moved between two images.

        Args:
            before: Observation before.
            after: Observation after.
            action: (5,) the action in between, or None where it is not known.

        Returns:
            M_t and M_{t+1}, each (H, W) bool.
        """
        actions = None if action is None else [action]
        first, second = self.segment_motion_batch([before], [after], actions)
        return first[0], second[0]

    @torch.inference_mode()
    def segment_motion_batch(
        self,
        before: Sequence[Observation],
        after: Sequence[Observation],
        actions: Sequence[NDArray[np.int64]] | None = None,
    ) -> tuple[Mask, Mask]:
        """:meth:`segment_motion` for several pairs of images of one size; each result is (B, H, W) bool."""
        first, second = (
            torch.cat([encoding.image_tensor(o["rgb"], o.get("depth")) for o in batch]).to(self.device)
            for batch in (before, after)
        )
        known = None if actions is None or not self.condition_on_action else torch.from_numpy(np.stack(actions))
        logits = averaged_motion(self.part, first, second, known, self.mask_symmetries)
        believed = motion_confidence(*logits) >= self.motion_threshold
        masks = [((found > 0) & believed[:, None, None]).cpu().numpy() for found in logits]
        for batch, moved in zip((before, after), masks, strict=True):
            for index, observation in enumerate(batch):
                if self.refine_with_depth:
                    moved[index] = fit_motion(moved[index], self._object_in(observation))
        return masks[0], masks[1]

    def _object_in(self, observation: Observation) -> Mask:
        """Pixels of the object, (H, W) bool; none where there is no depth."""
        depth = observation.get("depth")
        if depth is None:
            return np.zeros(observation["rgb"].shape[:2], bool)
        return object_mask(np.asarray(depth, np.float32))

    def _require_memory(self) -> PartMemory:
        if self._memory is None:
            raise RuntimeError("call agent.reset(observation) first")
        return self._memory


def _without_rims(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Part labels without the rims of parts, where masks are least sure: (H, W) uint8."""
    size = 2 * RIM + 1
    lowest, highest = (change(labels, np.ones((size, size), np.uint8)) for change in (cv2.erode, cv2.dilate))
    inner: NDArray[np.uint8] = np.where(lowest == highest, labels, 0)
    return inner
