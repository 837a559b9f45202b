"""The second stage of training: the part network is trained further with stored play and synthetic image pairs."""

from __future__ import annotations

import json
import shutil
import signal
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from atp.agent import Agent
from tiny_agent import tiny_agent
from train.config import LearnerConfig
from train.data.pair_sources import pair_type
from train.data.records import record_type
from train.data.rendered_sets import whole_pairs
from train.data.replay import Replay
from train.learning.calibration import calibrated_motion_threshold
from train.learning.learner import Learner
from train.learning.pair_scores import score_pairs
from train.learning.second_stage import DesignConfig, PerceptionConfig, PerceptionTrainer

SIDE = 32


@pytest.fixture(scope="module")
def played(tmp_path_factory) -> Path:
    """The folder of a run of play, with made-up interactions: a square that moves to the right."""
    folder = tmp_path_factory.mktemp("runs") / "play"
    rng = np.random.default_rng(0)
    records = np.zeros(40, record_type(SIDE, SIDE))
    records["rgb"], records["depth"], records["hindsight"] = 90, 10_000, 255
    records["rewards"], records["ground"] = np.nan, 1.0
    for record in records:
        row, col = rng.integers(2, 12, 2)
        for frame, shift in ((0, 0), (1, 6)):
            square = (slice(row, row + 10), slice(col + shift, col + shift + 10))
            record["rgb"][(frame, *square)] = 220
            record["moved"][(frame, *square)] = True
    replay = Replay(folder / "replay.npy", SIDE, SIDE, 60, 4)
    replay.append(records)
    replay.flush()
    torch.save({"written": 40}, folder / "checkpoint.pt")
    (folder / "options.json").write_text(json.dumps({"resolution": SIDE, "replay_size": 60}))
    agent = tiny_agent({"resolution": SIDE, "command": "play"})
    agent.save_pretrained(folder / "weights", dtype=torch.float32)
    return folder


@pytest.fixture(scope="module")
def options(played: Path, tmp_path_factory) -> PerceptionConfig:
    return PerceptionConfig(
        play=played,
        steps=6,
        drawn=1,
        pair_folder=tmp_path_factory.mktemp("pairs"),
        validation=2,
        device="cpu",
        threads=1,
        checkpoint_every=3,
        log_every=2,
        learner=LearnerConfig(width=8, batch_size=2, pairs=2, warmup=1),
        workers=2,
    )


@pytest.fixture(autouse=True)
def small_files(monkeypatch: pytest.MonkeyPatch):
    from functools import partial

    from train.data import image_pair_files as pairs

    monkeypatch.setattr("train.learning.second_stage.ImagePairFiles", partial(pairs.ImagePairFiles, file_size=6))


def train(config: PerceptionConfig) -> bool:
    trainer = PerceptionTrainer(config, "the command")
    try:
        return trainer.run()
    finally:
        trainer.close()


def weights(folder: Path, name: str) -> bytes:
    return (folder / "weights" / f"{name}.safetensors").read_bytes()


def test_the_interaction_network_learns_from_the_play_of_several_runs(options, played, tmp_path, capsys):
    more = tmp_path / "more"
    shutil.copytree(played, more)
    config = replace(
        options, learns="interaction", more_play=(more,), out=tmp_path / "out", weights=str(more / "weights")
    )
    assert train(config)
    start, end = (Agent.from_pretrained(folder / "weights", "cpu") for folder in (played, config.out))
    for name, changes in (("interaction", True), ("part", False)):
        before, after = (getattr(agent, name).state_dict() for agent in (start, end))
        assert all(torch.equal(before[key].half(), after[key].half()) for key in before) != changes, name
    assert end.config["acting"]["gradient_steps"] == 6
    assert "perception" not in end.config
    assert end.options.motion_threshold == start.options.motion_threshold
    assert "loss/interaction=" in capsys.readouterr().out


def test_the_part_network_learns_and_the_other_stays(options, played, tmp_path, capsys):
    config = replace(options, out=tmp_path / "out")
    assert train(config)
    start, end = (Agent.from_pretrained(folder / "weights", "cpu") for folder in (played, config.out))
    for name, changes in (("interaction", False), ("part", True)):
        before, after = (getattr(agent, name).state_dict() for agent in (start, end))
        same = all(torch.equal(before[key].half(), after[key].half()) for key in before)
        assert same != changes, name
    assert end.config["command"] == "play"  # what the first stage was stays known
    perception = end.config["perception"]
    assert (perception["command"], perception["gradient_steps"]) == ("the command", 6)
    assert perception["options"]["learner"]["pairs"] == 2
    assert end.options.motion_threshold != start.options.motion_threshold
    said = capsys.readouterr().out
    assert "3 pairs/motion_iou=" in said or "3 pairs/false_motion_rate=" in said


def test_nearly_all_motion_in_play_is_believed_and_more_certain_motion_would_not_be(played):
    agent = Agent.from_pretrained(played / "weights", "cpu")
    with torch.no_grad():
        for decoder in (agent.part.before_decoder, agent.part.after_decoder):
            decoder.head.bias += 4.0  # everything is seen to move
    replay = Replay(played / "replay.npy", SIDE, SIDE, 40, 0, written=40)
    threshold = calibrated_motion_threshold(agent, replay)
    assert threshold > 0
    records = replay.sample(40, np.random.default_rng(1))
    pairs = [
        [{"rgb": rgb[k], "depth": np.full((SIDE, SIDE), 1.0, np.float32)} for rgb in records["rgb"]] for k in (0, 1)
    ]
    shares = []
    for factor in (1.0, 1.5):
        agent = agent.replace(motion_threshold=factor * threshold, refine_with_depth=False)
        masks = agent.segment_motion_batch(*pairs, list(records["action"].astype(np.int64)))
        shares.append(masks[0].any((1, 2)).mean())
    assert shares[0] > 0.9
    assert shares[1] < shares[0]


def train_interrupted(config, monkeypatch):
    """Train, and stop it after four steps as Ctrl+C does."""
    step = Learner.step

    def interrupted(self, *arguments):
        if self.steps == 4:
            signal.raise_signal(signal.SIGINT)
        return step(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Learner, "step", interrupted)
        assert not train(config)


def test_a_stopped_run_ends_as_one_that_was_not(options, tmp_path, monkeypatch):
    whole, stopped = (replace(options, out=tmp_path / name, seed=1) for name in ("whole", "stopped"))
    assert train(whole)
    train_interrupted(stopped, monkeypatch)
    assert not (stopped.out / "weights").exists()
    assert train(stopped)
    assert weights(whole.out, "part") == weights(stopped.out, "part")
    other = replace(options, out=tmp_path / "other", seed=2)
    assert train(other)
    assert weights(whole.out, "part") != weights(other.out, "part")


@dataclass(frozen=True)
class Squares:
    """In place of rendered pairs: a bright square that moves to the right, and a hand above it in the second image."""

    resolution: int = 64

    def options(self):
        return {"squares": self.resolution}

    def make(self, seed):
        rng = np.random.default_rng(seed)
        pair = np.zeros((), pair_type(self.resolution))
        row, col = rng.integers(20, 30, 2)
        pair["rgb"] = rng.integers(30, 90, (1, 64, 64, 1))
        for index, shift in ((0, 0), (1, 8)):
            square = (index, slice(row, row + 14), slice(col + shift, col + shift + 14))
            pair["rgb"][square], pair["moved"][square] = 220, seed[-1] % 4 > 0
        pair["rgb"][1, :12, 10:50] = (200, 140, 120)
        pair["agent"][1, :12, 10:50] = True
        return pair


@pytest.fixture
def squares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("train.data.rendered_sets.RenderedPairs", Squares)
    monkeypatch.setattr("train.data.rendered_sets.SMALL_FILE_SIZE", 8)


@pytest.mark.slow
def test_agents_are_learned_from_rendered_pairs_without_play(options, played, squares, tmp_path, capsys):
    config = replace(
        options,
        play=None,
        weights=str(played / "weights"),
        out=tmp_path / "out",
        resolution=SIDE,
        rendered=8,
        rendered_folder=tmp_path / "rendered",
        steps=400,
        validation=8,
        checkpoint_every=100,
        learner=replace(options.learner, pairs=0, rendered=4, learning_rate=5e-3),
        design=DesignConfig(agent=True, matching=True, appearance="random"),
    )
    assert train(config)
    assert len(list((tmp_path / "rendered").rglob("*.npy"))) == 2  # one set to train with, one to validate with
    end = Agent.from_pretrained(config.out / "weights", "cpu")
    assert end.part.config == {"width": 8, "agent": True, "matching": True, "appearance": True}
    assert end.options.motion_threshold == Agent.from_pretrained(played / "weights", "cpu").options.motion_threshold
    assert end.config["perception"]["options"]["learner"]["rendered"] == 4
    pairs = np.stack([Squares().make((9, 9, number)) for number in range(8)])
    scores = score_pairs(end.for_clips(), whole_pairs(pairs, SIDE))
    assert scores["agent_iou"] > 0.6
    assert scores["agent_taken"] < 0.1
    assert "rendered/agent_iou=" in capsys.readouterr().out


def test_frozen_features_stay_and_a_stopped_run_ends_as_one_that_was_not(
    options, played, squares, tmp_path, monkeypatch
):
    learner = replace(options.learner, rendered=1)
    config = replace(
        options,
        learner=learner,
        rendered=8,
        rendered_folder=tmp_path / "rendered",
        design=DesignConfig(agent=True, matching=True, appearance="random"),
    )
    whole, stopped = (replace(config, out=tmp_path / name) for name in ("whole", "stopped"))
    trainer = PerceptionTrainer(whole)
    before = {name: value.clone() for name, value in trainer.learner.networks["part"].appearance.state_dict().items()}
    assert trainer.run()
    after = trainer.learner.acting[1].appearance.state_dict()
    trainer.close()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    train_interrupted(stopped, monkeypatch)
    assert train(stopped)
    assert weights(whole.out, "part") == weights(stopped.out, "part")


def test_what_cannot_be_rendered_is_said_in_one_line(options, monkeypatch, tmp_path):
    from envs.rendered_pairs import PicturesMissing

    def missing(self, seed):
        raise PicturesMissing("moderngl is not installed: pip install it")

    monkeypatch.setattr("train.data.pair_sources.RenderedPairs.make", missing)
    config = replace(
        options,
        out=tmp_path / "out",
        rendered_folder=tmp_path,
        workers=1,
        learner=replace(options.learner, rendered=1),
    )
    with pytest.raises(ValueError, match="no pairs can be rendered: moderngl is not installed"):
        PerceptionTrainer(config)
    with pytest.raises(ValueError, match="--weights must be given"):
        replace(options, play=None)


def test_what_is_no_run_of_play_is_refused(options, played, tmp_path):
    from atp.checkpoint import CheckpointError

    with pytest.raises(CheckpointError, match=str(tmp_path)):
        PerceptionTrainer(replace(options, play=tmp_path, out=tmp_path / "out"))
    Agent.from_pretrained(played / "weights", "cpu").save_pretrained(tmp_path / "weights")
    with pytest.raises(ValueError, match="is not the folder of a run"):
        PerceptionTrainer(replace(options, play=tmp_path, out=tmp_path / "out"))
    with pytest.raises(ValueError, match="at least 1"):
        replace(options, steps=0)


def test_each_variation_is_left_out_and_scored_once(options, tmp_path, monkeypatch, capsys):
    from train.studies import augmentation_ablation as ablation

    monkeypatch.setattr(ablation, "VARIATIONS", ("", "hands"))
    config = ablation.AblationConfig(
        tmp_path / "runs", tmp_path / "leave-one-out.json", scored=2, perception=replace(options, steps=2)
    )
    assert ablation.AugmentationAblation(config).run()
    result = json.loads(config.json.read_text())
    whole, without = result["rows"]
    assert (whole["without"], set(whole["variations"])) == ("", {"hands", "all"})
    assert (without["without"], set(without["variations"])) == ("hands", {"hands", "all"})
    pairs = Agent.from_pretrained(config.out / "without-hands" / "weights", "cpu").config["perception"]["options"][
        "pairs"
    ]
    assert [name for name, on in pairs.items() if not on] == ["hands"]
    assert "training without hands" in capsys.readouterr().out
    assert ablation.AugmentationAblation(config).run()
    assert "training" not in capsys.readouterr().out  # what is done is not done again
    assert json.loads(config.json.read_text()) == result

    half = {**result, "rows": result["rows"][:1]}  # as on another machine: scores alone
    config.json.write_text(json.dumps(half))
    elsewhere = replace(config, out=tmp_path / "elsewhere")
    assert ablation.AugmentationAblation(elsewhere).run()
    assert not (elsewhere.out / "all").exists()
    again = json.loads(config.json.read_text())["rows"]
    assert again == result["rows"]
    with pytest.raises(ValueError, match=r"leave-one-out\.json: holds scores with other options"):
        ablation.AugmentationAblation(replace(config, scored=3))
    config.json.write_text("[]")
    with pytest.raises(ValueError, match=r"leave-one-out\.json: is no result of .*choose another --json"):
        ablation.AugmentationAblation(config)
