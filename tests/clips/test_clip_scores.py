"""Scores of clips: still pairs, hands and robots left out, means over clips and groups of them."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from atp.clips import read_clip
from atp.clips.clip_baselines import CLIP_BASELINES
from atp.clips.clip_results import clips_result
from atp.clips.errors import ClipError
from atp.clips.pairing import View, ViewPair
from atp.clips.scoring import evaluate_clip
from atp.commands.clip import ClipOptions, run
from atp.metrics import mask_iou
from atp.part_memory.evidence import Evidence
from atp.results.clip import ClipScores, ClipsResult, MethodScores

SIDE = 64
LEFT = np.zeros((SIDE, SIDE), bool)
LEFT[10:40, 5:25] = True
RIGHT = np.roll(LEFT, 10, axis=1)
HAND = np.zeros((SIDE, SIDE), bool)
HAND[10:20] = True


class Seer:
    """An agent that always sees the same."""

    def __init__(self, before: np.ndarray, after: np.ndarray) -> None:
        self.masks = before, after
        self.config = {"resolution": SIDE}

    def reset(self, observation):
        pass

    def remember(self, action, moved_before, moved_after, after, chances):
        return moved_after.astype(np.uint8)

    def perceive(self, before, after, action):
        return tuple(Evidence(mask, mask.astype(np.float32)) for mask in self.masks)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A clip folder of two images, in which nothing is annotated."""
    folder = tmp_path / "clips" / "pair"
    (folder / "frames").mkdir(parents=True)
    for number, mask in enumerate((LEFT, RIGHT)):
        rgb = np.full((SIDE, SIDE, 3), 60, np.uint8)
        rgb[mask] = (220, 200, 60)
        Image.fromarray(rgb).save(folder / "frames" / f"{number}.png")
    describe(folder)
    return folder


def describe(folder: Path, entry: dict | None = None, **keys: object) -> None:
    data = {"frames": "frames", "interactions": [{"before": 0, "after": 1, **(entry or {})}], **keys}
    (folder / "clip.json").write_text(json.dumps(data))


def save(folder: Path, **masks: np.ndarray) -> dict[str, str]:
    """Save masks; their entries of an interaction."""
    for name, mask in masks.items():
        Image.fromarray(mask).convert("L").save(folder / f"{name}.png")
    return {name: f"{name}.png" for name in masks}


def scores_of(folder: Path, agent: Seer):
    (entry,) = evaluate_clip(read_clip(folder), agent, SIDE).interactions
    return entry.scores["agent"]


def test_empty_masks_are_a_still_pair_and_give_the_rate_of_false_motion(clip: Path) -> None:
    nothing = np.zeros((SIDE, SIDE), bool)
    describe(clip, save(clip, moved_before=nothing, moved_after=nothing))
    before, after = scores_of(clip, Seer(LEFT, nothing))
    assert before.iou is None
    assert after.iou is None
    assert before.false_motion == pytest.approx(LEFT.mean())
    assert after.false_motion == 0
    describe(clip, still=True)  # the same in a word
    assert scores_of(clip, Seer(LEFT, nothing)) == (before, after)
    describe(clip)
    assert scores_of(clip, Seer(LEFT, nothing))[0].false_motion is None  # nothing is known of it


def test_something_may_come_into_view(clip: Path) -> None:
    describe(clip, save(clip, moved_before=np.zeros((SIDE, SIDE), bool), moved_after=RIGHT))
    before, after = scores_of(clip, Seer(LEFT, RIGHT))
    assert (before.iou, after.iou) == (None, 1.0)
    assert before.false_motion == pytest.approx(LEFT.mean())


def test_hands_are_left_out_of_the_second_score_alone(clip: Path) -> None:
    entry = save(clip, moved_before=LEFT & ~HAND, moved_after=RIGHT)
    describe(clip, {**entry, **save(clip, hand=HAND), "agent_before": "hand.png"})
    before, after = scores_of(clip, Seer(LEFT, RIGHT))
    assert before.iou == pytest.approx(mask_iou(LEFT, LEFT & ~HAND))
    assert before.iou < 0.7
    assert before.iou_without_agent == 1.0
    assert (after.iou, after.iou_without_agent) == (1.0, None)  # not annotated there


def test_files_of_the_agent_beside_the_only_interaction_are_taken(clip: Path) -> None:
    entry = save(clip, moved_before=LEFT, moved_after=RIGHT)
    save(clip, agent_before=HAND, agent_after=~HAND)
    describe(clip, entry)
    (interaction,) = read_clip(clip).interactions
    assert (interaction.agent_before == HAND).all()
    assert (interaction.agent_after == ~HAND).all()
    data = json.loads((clip / "clip.json").read_text())
    data["interactions"] = [{"before": 0, "after": 1}, {"before": 0, "after": 1}]
    (clip / "clip.json").write_text(json.dumps(data))
    assert all(each.agent_before is None for each in read_clip(clip).interactions)  # of which of them?


def test_still_is_true_or_false(clip: Path) -> None:
    describe(clip, still="yes")
    with pytest.raises(ClipError, match="'still' must be true or false"):
        read_clip(clip)


def test_the_command_groups_clips(clip: Path, tmp_path: Path) -> None:
    describe(clip, save(clip, moved_before=LEFT, moved_after=RIGHT), kind="door", agent_in_view="none")
    still = clip.parent / "still"
    (still / "frames").mkdir(parents=True)
    for name in ("0.png", "1.png"):
        (still / "frames" / name).write_bytes((clip / "frames" / "0.png").read_bytes())
    describe(still, still=True, kind="door", agent_in_view="in")
    result = run(ClipOptions((clip.parent,), out=tmp_path / "out"), Seer(LEFT, LEFT))
    means = result.means["agent"]
    expected = (1 + mask_iou(LEFT, RIGHT)) / 2
    assert result.mean_motion_iou == means.motion_iou == pytest.approx(expected)
    assert means.interval is None  # of one clip in which something moved
    assert means.false_motion == pytest.approx(LEFT.mean())
    assert [(group.key, group.value, group.clips) for group in result.groups] == [
        ("kind", "door", 2), ("agent_in_view", "in", 1), ("agent_in_view", "none", 1),
    ]  # fmt: skip
    assert result.groups[0].means["agent"] == means
    assert result.groups[1].means["agent"].motion_iou is None
    assert ClipsResult.read(tmp_path / "out" / "clips.json") == result


def test_intervals_are_of_the_mean_over_clips_and_repeat() -> None:
    empty = dict.fromkeys(
        ("motion_iou_before", "motion_iou_after", "motion_iou", "motion_iou_without_agent", "false_motion", "parts")
    )
    one = ClipScores(
        **empty, name="a", baselines={}, found=False, interactions=[], image="", video="", kind="", agent_in_view=""
    )
    values = np.random.default_rng(0).uniform(0.2, 0.8, 30)
    clips = [
        replace(one, motion_iou=value, baselines={name: MethodScores(**empty) for name in CLIP_BASELINES})
        for value in values.tolist()
    ]
    first = clips_result("w", SIDE, 0, clips).means["agent"]
    low, high = first.interval
    error = values.std(ddof=1) / np.sqrt(30)
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.2 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.2 * error)
    assert clips_result("w", SIDE, 0, clips).means["agent"] == first
    assert clips_result("w", SIDE, 1, clips).means["agent"].interval != first.interval


def test_files_of_earlier_versions_are_read() -> None:
    scores = {"motion_iou_before": 0.5, "motion_iou_after": 0.7, "motion_iou": 0.6}
    value = {
        "schema_version": 2, "weights": "video", "resolution": 90, "seed": 0,
        "clips": [{
            **scores, "parts": None, "name": "a", "found": False, "image": "a.png", "video": "a.mp4",
            "baselines": {"dis_flow": {**scores, "parts": None}},
            "interactions": [{**scores, "before": 0, "after": 5, "baselines": {"dis_flow": scores}}],
        }],
        "mean_motion_iou": 0.6, "mean_baselines": {"dis_flow": 0.6},
    }  # fmt: skip
    read = ClipsResult.from_json(value)
    assert read.mean_motion_iou == read.means["dis_flow"].motion_iou == 0.6
    (entry,) = read.clips
    assert (entry.kind, entry.false_motion, entry.interactions[0].baselines["dis_flow"].motion_iou) == ("", None, 0.6)


@pytest.mark.parametrize("method", ["dis_flow", "farneback"])
def test_flow_is_computed_on_larger_images(method: str) -> None:
    rng = np.random.default_rng(0)
    texture = rng.integers(0, 256, (40, 40, 3), dtype=np.uint8).repeat(12, 0).repeat(12, 1)  # 480 x 480
    frames = []
    for shift in (0, 15):  # 10 pixels of 320
        image = texture[::-1].copy()
        image[150:330, 150 + shift : 330 + shift] = texture[:180, :180]
        frames.append(image)
    pair = ViewPair.of(*(View.of(image, 90) for image in frames), steadies=False)
    moved, _ = CLIP_BASELINES[method](pair)
    assert moved.shape == (90, 90)
    true = np.zeros((90, 90), bool)
    true[28:62, 28:62] = True
    assert mask_iou(moved, true) > 0.7


FOLDER = os.environ.get("ATP_VALIDATION_CLIPS")


@pytest.mark.skipif(not FOLDER, reason="set ATP_VALIDATION_CLIPS to a folder of real clips with agents to run this")
def test_real_clips_with_agents_and_still_pairs(tmp_path: Path) -> None:
    nothing = np.zeros((SIDE, SIDE), bool)
    result = run(ClipOptions((Path(str(FOLDER)),), out=tmp_path), Seer(nothing, nothing))
    still = [entry for entry in result.clips if entry.false_motion is not None]
    assert len(still) >= 3
    assert all(entry.name.startswith("still") and entry.motion_iou is None for entry in still)
    assert result.means["agent"].motion_iou == result.means["agent"].motion_iou_without_agent == 0
    assert 0.2 < result.means["frame_difference"].motion_iou < result.means["frame_difference"].motion_iou_without_agent
    assert {group.key for group in result.groups} == {"kind", "agent_in_view"}
