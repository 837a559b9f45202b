"""What an agent and the classical baselines see in a clip, and how good it is where the clip has masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from atp.clips.clip import Clip, ClipInteraction
from atp.clips.clip_baselines import CLIP_BASELINES
from atp.clips.errors import ClipError
from atp.clips.letterbox import Letterbox
from atp.clips.pairing import View, ViewPair
from atp.clips.second_look import look
from atp.metrics import mask_iou, score_memory
from atp.part_memory.evidence import Chance, Evidence
from atp.part_memory.memory import PartMemory
from atp.types import MIN_PART_PIXELS, Action, Image, Labels, Mask, Observation

#: Key and title of each method, the agent first: a baseline needs an entry here only if its key is no title.
METHODS = {"agent": "agent"} | {name: name.replace("_", " ") for name in CLIP_BASELINES}
METHODS |= {"dis_flow": "DIS flow", "farneback": "Farneback flow"}

Pair = tuple[Mask, Mask]
Iou = float | None


@dataclass(frozen=True)
class MaskScore:
    """How good one motion mask is; None where a score is not defined.

    Attributes:
        iou: IoU with the annotated mask; None where nothing is annotated or nothing moved.
        iou_without_agent: The same with the pixels of hands and robots left out; None where those are not annotated.
        false_motion: Share of the frame that is said to have moved, where nothing did.
    """

    iou: Iou = None
    iou_without_agent: Iou = None
    false_motion: float | None = None


class MotionSegmenter(Protocol):
    """What is needed of an agent."""

    def perceive(self, before: Observation, after: Observation, action: Action | None) -> tuple[Evidence, Evidence]:
        """Return what moved in each of two observations, (R, R), and how sure that is."""
        ...

    def reset(self, observation: Observation) -> None:
        """Forget everything."""
        ...

    def remember(
        self,
        action: Action,
        moved_before: Mask,
        moved_after: Mask,
        after: Observation | None,
        chances: tuple[Chance, Chance] | None,
    ) -> Labels:
        """Take in motion masks; return the parts, uint8 (R, R)."""
        ...


@dataclass(frozen=True, eq=False)
class InteractionResult:
    """What the methods found for one interaction of a clip.

    Attributes:
        interaction: The interaction.
        frames: uint8 (h, w, 3) before and after, as in the footage, reduced to 640 pixels.
        masks: For each method M_t and M_{t+1}, bool (R, R), at the network's resolution.
        scores: For each method the scores of the two.
        agents: What the agent took for a hand, an arm or a robot, as ``masks``; None if it does not look for any.
    """

    interaction: ClipInteraction
    frames: tuple[Image, Image]
    masks: dict[str, Pair]
    scores: dict[str, tuple[MaskScore, MaskScore]]
    agents: Pair | None = None


@dataclass(frozen=True, eq=False)
class ClipResult:
    """What the methods found in a clip.

    Attributes:
        clip: The clip.
        interactions: One result for each of its interactions.
        parts: For each method the parts after the last one, uint8 (R, R).
        part_scores: For each method ``miou``, ``mape`` and ``hd95`` (network pixels); None without annotated parts.
        box: Between the results' frames and the network's images.
    """

    clip: Clip
    interactions: tuple[InteractionResult, ...]
    parts: dict[str, Labels]
    part_scores: dict[str, dict[str, float]] | None
    box: Letterbox


def evaluate_clip(
    clip: Clip,
    agent: MotionSegmenter,
    resolution: int,
    steadies: bool = True,
    depth: bool = True,
    second_look: bool = False,
) -> ClipResult:
    """Look at every interaction of a clip with every method.

    All methods get the same images, at the network's resolution: the frame after each interaction brought to where the
    camera was before it, and to the same light. Masks are scored there too, on the area that the frame covers, with the
    annotated ones brought there by area: they are drawn by hand and good to a few of its pixels. Optical flow alone is
    computed on larger images, for a CPU's flow misses most at so few pixels. The parts of a method are what the part
    memory makes of its masks.

    Args:
        clip: The clip.
        agent: Sees motion and remembers parts.
        resolution: Side R of the network's images.
        steadies: Correct the camera's motion and light between the frames of an interaction.
        depth: Use depth images where the clip has them.
        second_look: The agent looks again, closer, at what it saw moving (:mod:`atp.clips.second_look`).

    Returns:
        What was found.

    Raises:
        ClipError: A frame cannot be read, or a mask is too small to be seen at this resolution.
    """
    numbers = [number for found in clip.interactions for number in (found.before, found.after)]
    whole = Letterbox(*clip.shape, resolution)
    views: dict[int, View] = {}
    for number, frame in clip.footage.frames(numbers):
        seen = clip.depth.read(number, clip.shape) if depth and clip.depth else None
        views[number] = View.of(frame, resolution, seen)
    truths = [_truth(found, clip, whole) for found in clip.interactions]

    memories = {name: PartMemory((resolution, resolution), MIN_PART_PIXELS) for name in CLIP_BASELINES}
    parts: dict[str, Labels] = {}
    results: list[InteractionResult] = []
    for found, truth in zip(clip.interactions, truths, strict=True):
        pair = ViewPair.of(views[found.before], views[found.after], steadies)
        if not results:
            agent.reset(pair.first.observation)
        action = whole.network_action(found.action)
        evidence = look(agent, pair, action, second_look)
        masks = {"agent": (evidence[0].moved, evidence[1].moved)}
        masks |= {name: method(pair) for name, method in CLIP_BASELINES.items()}
        masks = {name: pair.in_frames(*both) for name, both in masks.items()}
        taken = np.zeros(5, np.int64) if action is None else action
        parts["agent"] = agent.remember(taken, *masks["agent"], pair.second.observation, pair.chances(*evidence))
        for name, memory in memories.items():
            memory.update(*masks[name])
            parts[name] = memory.labels
        scores = {name: (_score(mask[0], truth[0]), _score(mask[1], truth[1])) for name, mask in masks.items()}
        frames = pair.first.rgb, pair.second.rgb
        results.append(InteractionResult(found, frames, masks, scores, _agents(pair, evidence)))
    return ClipResult(clip, tuple(results), parts, _part_scores(clip, parts, whole), pair.second.box)


def _agents(pair: ViewPair, evidence: tuple[Evidence, Evidence]) -> Pair | None:
    """Where the agent saw hands, arms and robots, in the frames."""
    before, after = (each.agent for each in evidence)
    return None if before is None or after is None else pair.in_frames(before, after)


@dataclass(frozen=True)
class _Truth:
    """What is annotated in one frame, bool (R, R) each: what moved, the agent, and what the frame covers."""

    moved: Mask | None
    agent: Mask | None
    frame: Mask


def _truth(interaction: ClipInteraction, clip: Clip, box: Letterbox) -> tuple[_Truth, _Truth]:
    """The annotated masks at the network's resolution, before and after."""

    def small(mask: Mask | None) -> Mask | None:
        found = None if mask is None else box.mask(mask)
        if mask is not None and found is not None and mask.any() and not found.any():
            raise ClipError(f"{clip.path}: a mask vanishes at {box.resolution} x {box.resolution} pixels")
        return found

    agents = [None if mask is None else box.mask(mask) for mask in (interaction.agent_before, interaction.agent_after)]
    moved = interaction.moved_before, interaction.moved_after
    first, second = (_Truth(small(mask), agent, box.valid) for mask, agent in zip(moved, agents, strict=True))
    return first, second


def _score(found: Mask, truth: _Truth) -> MaskScore:
    """Score one mask."""
    if truth.moved is None:
        return MaskScore()
    if not truth.moved.any():
        return MaskScore(false_motion=float(found[truth.frame].mean()))
    iou = float(mask_iou(found, truth.moved))
    if truth.agent is None or not (truth.moved & ~truth.agent).any():
        return MaskScore(iou)
    return MaskScore(iou, float(mask_iou(found & ~truth.agent, truth.moved & ~truth.agent)))


def _part_scores(clip: Clip, parts: dict[str, Labels], box: Letterbox) -> dict[str, dict[str, float]] | None:
    if clip.parts is None:
        return None
    true = box.labels(clip.parts)
    if not true.any():
        raise ClipError(f"{clip.path}: the parts vanish at {box.resolution} x {box.resolution} pixels")
    names = ("miou", "mape", "hd95")
    return {
        method: dict(zip(names, map(float, score_memory(found, true)), strict=True)) for method, found in parts.items()
    }
