"""Training: exact resume after any stop, refusals, the log, the command, and that the losses go down."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from atp.agent import Agent
from envs.parallel.pool import EnvironmentPool
from tiny_run import TINY, assert_same_run, run
from train.atp_train import main, parse
from train.config import LearnerConfig, TrainConfig, read_config
from train.data.records import record_type
from train.data.replay import Replay
from train.learning.collector import Collector
from train.learning.learner import Learner
from train.learning.trainer import Trainer
from train.runs.curve_file import read_curve
from train.runs.round_statistics import RoundStatistics
from train.runs.training_log import TrainingLog

ROOT = Path(__file__).parents[2]
TOML = """
total_interactions = 60
envs = 2
resolution = 48
learning_starts = 20
interactions_per_step = 5
replay_size = 40
checkpoint_every = 30
log_every = 20
threads = 1
device = "cpu"

[learner]
width = 8
batch_size = 4
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that was never stopped, and copies of its folder as a kill would have left it.

    At 60 just after the checkpoint, at 80 between two: what is in the mapped file's memory is in a copy, as it is
    after a SIGKILL.
    """
    out = tmp_path_factory.mktemp("runs")
    trainer = Trainer(replace(TINY, out=out / "whole"))
    add_round, save = trainer.log.add_round, trainer.save

    def copy_at_80(statistics):
        add_round(statistics)
        if trainer.played == 80:
            shutil.copytree(out / "whole", out / "killed-80")

    def copy_at_60():
        save()
        if trainer.replay.written == 60:
            shutil.copytree(out / "whole", out / "killed-60")

    trainer.log.add_round, trainer.save = copy_at_80, copy_at_60
    assert trainer.run()
    trainer.close()
    return out / "whole"


@pytest.mark.parametrize("killed", ["killed-60", "killed-80"])
def test_killed_run_ends_as_if_it_had_not_been(whole, killed):
    folder = whole.parent / killed
    assert torch.load(folder / "checkpoint.pt", weights_only=True)["written"] == 60
    assert run(replace(TINY, out=folder))
    assert_same_run(folder, whole)


def test_stopped_run_ends_as_if_it_had_not_been(whole, tmp_path, monkeypatch, capsys):
    play = Collector.play

    def interrupted(self, networks, replay, *arguments):
        if replay.written == 70:
            signal.raise_signal(signal.SIGINT)
        return play(self, networks, replay, *arguments)

    config = replace(TINY, out=tmp_path / "stopped")
    before = signal.getsignal(signal.SIGINT)  # shells have it ignored in what they start in the background
    with monkeypatch.context() as patch:
        patch.setattr(Collector, "play", interrupted)
        assert not run(config)
    assert "stopped at 80 interactions; the same command resumes" in capsys.readouterr().out
    assert not (tmp_path / "stopped" / "weights").exists()
    assert signal.getsignal(signal.SIGINT) is before
    assert run(replace(config, log_every=20))
    assert_same_run(tmp_path / "stopped", whole)


def test_finished_run_stays_as_it_is(whole, tmp_path):
    shutil.copytree(whole, tmp_path / "again")
    assert run(replace(TINY, out=tmp_path / "again"))
    assert_same_run(tmp_path / "again", whole)


def test_log_has_scalars_and_images(whole):
    events = EventAccumulator(str(whole / "tensorboard"))
    events.Reload()
    assert {"loss/part", "loss/interaction", "learning_rate", "epsilon", "interactions_per_second"} <= set(
        events.Tags()["scalars"]
    )
    assert [e.step for e in events.Scalars("epsilon")] == [20, 40, 60, 80, 100, 120]
    assert [e.step for e in events.Scalars("loss/part")] == [40, 60, 80, 100, 120]
    assert all(0 < e.value < 10 for e in events.Scalars("loss/part"))
    image = events.Images("motion")[0]
    assert (image.height, image.width) == (48, 96)


def test_weights_say_how_they_were_made(whole):
    agent = Agent.from_pretrained(whole / "weights", device="cpu")
    assert agent.config["interactions_played"] == 120
    assert agent.config["gradient_steps"] == 20
    assert agent.config["resolution"] == 48
    assert agent.config["renderer"] == "tiny"
    assert agent.config["options"]["learner"]["width"] == 8
    assert agent.options.hold


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"seed": 1}, "seed"),
        ({"learner": LearnerConfig(width=16, batch_size=4), "envs": 3}, "envs, learner"),
        ({"total_interactions": 200}, "total_interactions"),
    ],
)
def test_other_options_are_refused(whole, changed, named):
    before = (whole / "options.json").read_bytes()
    with pytest.raises(ValueError, match=rf"options\.json: .* other values of {named}; .*--out"):
        Trainer(replace(TINY, out=whole, **changed))
    assert (whole / "options.json").read_bytes() == before


def test_a_mistake_can_be_put_right_in_the_same_folder(tmp_path):
    with pytest.raises(ValueError, match="spoon"):
        Trainer(replace(TINY, out=tmp_path, category="spoon"))
    trainer = Trainer(replace(TINY, out=tmp_path, category="knife"))
    trainer.close()
    assert json.loads((tmp_path / "options.json").read_text())["category"] == "knife"


def test_one_process_at_a_time(tmp_path):
    trainer = Trainer(replace(TINY, out=tmp_path))
    try:
        with pytest.raises(ValueError, match="another process is training here"):
            Trainer(replace(TINY, out=tmp_path))
    finally:
        trainer.close()


def test_damaged_folders_are_refused(whole, tmp_path):
    shutil.copytree(whole, tmp_path / "run")
    config = replace(TINY, out=tmp_path / "run")
    (tmp_path / "run" / "replay.npy").unlink()
    with pytest.raises(ValueError, match=r"replay\.npy: missing"):
        Trainer(config)
    state = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    del state["learner"]["networks"]["part.encoder.stem.0.weight"]
    torch.save(state, tmp_path / "run" / "checkpoint.pt")
    with pytest.raises(ValueError, match="run: its checkpoint is of other networks"):
        Trainer(config)
    (tmp_path / "run" / "checkpoint.pt").write_bytes(b"PK\x03\x04 half")
    with pytest.raises(ValueError, match=r"checkpoint\.pt: cannot be read"):
        Trainer(config)


@pytest.mark.parametrize(("reward", "holds"), [("no-hold", False), ("no-touch", True)])
def test_ablations(tmp_path, reward, holds):
    config = replace(TINY, out=tmp_path, total_interactions=30, reward=reward)
    assert run(config)
    stored = np.load(tmp_path / "replay.npy")[:30]
    held = stored["action"][:, :2].any(axis=1)
    assert held.any() == holds
    assert np.isnan(stored["rewards"][:, 0]).all() == (reward == "no-hold")
    assert Agent.from_pretrained(tmp_path / "weights", device="cpu").options.hold == holds


@pytest.mark.parametrize("memory", [True, False])
def test_without_memory_the_interaction_network_sees_an_empty_one(tmp_path, memory):
    config = replace(TINY, out=tmp_path, total_interactions=30, memory=memory, predicted_memory=0.0)
    with closing(Trainer(config)) as trainer:
        trainer.collector.play(trainer.learner.acting, trainer.replay, 0, 0.5)
        trainer.collector.play(trainer.learner.acting, trainer.replay, 1, 0.5)
        records = trainer.replay.sample(200, np.random.default_rng(0))
        assert records["moved"].any()
        assert records["memory"].any() == memory  # what it learns from
        labels = np.ones((1, 48, 48), np.uint8)
        assert trainer.collector._seen(labels).any() == memory  # what it acts on
        agent = trainer.agent()
    assert agent.options.see_memory == memory


def test_the_curve_has_the_rates_of_the_log(whole):
    entries = read_curve(whole)
    assert [entry.interactions for entry in entries] == list(range(20, 121, 20))
    events = EventAccumulator(str(whole / "tensorboard"))
    events.Reload()
    for name in ("effective/policy", "optimal_first_n/random"):
        logged = {event.step: event.value for event in events.Scalars(name)}
        curve = {entry.interactions: entry.rates[name] for entry in entries if name in entry.rates}
        assert curve == pytest.approx(logged)


def test_losses_go_down(tmp_path):
    """A square that moves right by 8 pixels; pushing it is good, pushing beside it is not."""
    rng = np.random.default_rng(0)
    records = np.zeros(200, record_type(48, 48))
    records["rgb"] = rng.integers(80, 120, records["rgb"].shape)
    records["depth"], records["ground"] = 10_000, 1.0
    records["rewards"] = (np.nan, 0.0)
    records["hindsight"] = 255
    for record in records:
        row, col = rng.integers(2, 26, 2)
        for frame, shift in ((0, 0), (1, 8)):
            square = (slice(row, row + 14), slice(col + shift, col + shift + 14))
            record["rgb"][(frame, *square)] = 220
            record["depth"][(frame, *square)] = 9_500
            record["moved"][(frame, *square)] = True
        good = rng.random() < 0.5
        push = (row + 7, col + 7) if good else ((row + 24) % 48, (col + 24) % 48)
        record["action"] = (0, 0, *push, 0)
        record["rewards"][1] = float(good)
    replay = Replay(tmp_path / "replay.npy", 48, 48, 200, 1)
    replay.append(records)
    torch.set_num_threads(1)
    steps = 50
    learner = Learner(
        LearnerConfig(width=8, batch_size=8, warmup=5, learning_rate=3e-3, hindsight=0.0, bfloat16=False),
        2 * steps,
        torch.device("cpu"),
        seed=0,
    )
    scalars = [learner.step(replay) for _ in range(steps)]
    for name, share in (("loss/part", 0.6), ("loss/interaction", 0.8)):
        values = [s[name] for s in scalars]
        assert np.mean(values[-10:]) < share * np.mean(values[:5]), name
    assert learner.steps == steps


@pytest.mark.parametrize(("asked", "native", "used"), [
    (None, False, False), (None, True, True), (False, True, False), (True, False, True),
])  # fmt: skip
def test_bfloat16_is_left_to_devices_that_compute_in_it(monkeypatch, asked, native, used):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: native)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    learner = Learner(LearnerConfig(width=8, bfloat16=asked), 1, torch.device("cpu"), seed=0)
    with learner._autocast():
        assert torch.is_autocast_enabled("cpu") == used


def test_a_given_part_network_stays_and_the_interaction_network_learns(whole, tmp_path):
    config = replace(TINY, out=tmp_path / "on", part_weights=str(whole / "weights"), total_interactions=60, seed=5)
    assert run(config)
    files = [
        [(folder / "weights" / f"{name}.safetensors").read_bytes() for folder in (whole, tmp_path / "on")]
        for name in ("part", "interaction")
    ]
    assert files[0][0] == files[0][1]
    assert files[1][0] != files[1][1]
    events = EventAccumulator(str(tmp_path / "on" / "tensorboard"))
    events.Reload()
    assert "loss/interaction" in events.Tags()["scalars"]
    assert "loss/part" not in events.Tags()["scalars"]
    assert torch.load(tmp_path / "on/checkpoint.pt", weights_only=True)["learner"]["steps"] == 8
    with pytest.raises(ValueError, match="other values of part_weights"):
        run(replace(config, part_weights=None))
    with pytest.raises(ValueError, match="nowhere"):
        run(replace(config, out=tmp_path / "other", part_weights="nowhere"))


def test_a_run_starts_from_given_weights(whole, tmp_path):
    config = replace(TINY, out=tmp_path / "on", weights=str(whole / "weights"), seed=5)
    with (
        closing(Trainer(config)) as trainer,
        closing(Trainer(replace(config, out=tmp_path / "new", weights=None))) as new,
    ):
        given = Agent.from_pretrained(whole / "weights", "cpu")
        for name in ("interaction", "part"):
            for networks in (trainer.learner.networks, trainer.learner.averaged.module):
                started = networks[name].state_dict()
                assert all(torch.equal(started[key], value) for key, value in getattr(given, name).state_dict().items())
            fresh = new.learner.networks[name].state_dict()
            assert any(not torch.equal(started[key], fresh[key]) for key in started)
        assert set(trainer.learner.optimizers) == {"interaction", "part"}
    frozen = replace(config, out=tmp_path / "frozen", freeze_part=True)
    with closing(Trainer(frozen)) as trainer:
        assert set(trainer.learner.optimizers) == {"interaction"}
        given = Agent.from_pretrained(whole / "weights", "cpu").interaction.state_dict()
        started = trainer.learner.networks["interaction"].state_dict()
        assert all(torch.equal(started[key], value) for key, value in given.items())
    with pytest.raises(ValueError, match="--freeze-part keeps the part network of --weights"):
        replace(frozen, weights=None)
    with pytest.raises(ValueError, match=r"--weights .* --part-weights .* give one"):
        replace(config, part_weights="default")


def test_entries_are_lines(tmp_path, capsys):
    with closing(TrainingLog(tmp_path, start=20)) as log:
        log.add_round(RoundStatistics([True], [True], [True], [True], [0.5]))
        log.write(40, {"epsilon": 1.0})
        log.add_round(RoundStatistics([True], [False], [False], [True]))
        log.write(60, {})
    assert capsys.readouterr().out.splitlines() == [
        "40 motion_iou=0.500 optimal_first_n/random=1.000",
        "60 optimal_first_n/random=0.000",
    ]


# --- options -----------------------------------------------------------------------------------------------------


def test_command_line_overrides_the_file(tmp_path):
    (tmp_path / "run.toml").write_text('out = "somewhere"\n' + TOML)
    config = parse(["--config", str(tmp_path / "run.toml"), "--envs", "3", "--learner.width", "12"])
    assert config == replace(
        TINY,
        out=Path("somewhere"),
        total_interactions=60,
        envs=3,
        learner=LearnerConfig(width=12, batch_size=4),
    )
    assert parse([f"--config={tmp_path / 'run.toml'}", "--no-randomization"]).randomization is False
    assert parse([]) == TrainConfig()


def test_shipped_options_can_be_read():
    for path in (ROOT / "train" / "configs").glob("*.toml"):
        read_config(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("environments = 3", "unknown option environments; options: .*envs"),
        ("[learner]\nrate = 3", "unknown option rate; options: .*learning_rate"),
        ('envs = "3"', "envs = '3' is not of type int"),
        ("envs = true", "envs = True is not of type int"),
        ("temperature = [1]", "temperature = .* is not of type float"),
        ('hold = "glue"', "hold = 'glue' is not one of fixed, point"),
        ("learner = 3", "learner must be a table"),
        ("envs = 0", "--envs must be at least 1, not 0"),
        ("[learner]\nbatch_size = 0", "--learner.batch-size must be at least 1, not 0"),
        ("predicted_memory = 1.5", "--predicted-memory must be between 0 and 1"),
        ("envs 3", "cannot be read as TOML"),
    ],
)
def test_wrong_file_is_a_clear_error(tmp_path, text, message):
    path = tmp_path / "run.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=rf"run\.toml: .*{message}"):
        read_config(path)


def test_wrong_options_end_the_command(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["atp_train", "--config", str(tmp_path / "none.toml")])
    assert main() == 2
    assert re.search(r"error: .*none\.toml", capsys.readouterr().err)
    with pytest.raises(SystemExit) as error:
        parse(["--bogus", "1"])
    assert error.value.code == 2


# --- the command itself --------------------------------------------------------------------------------------------


def start(out, config):
    """The real command, in a process group of its own, as a shell would start it."""
    return subprocess.Popen(
        [sys.executable, "-m", "train.atp_train", "--config", str(config), "--out", str(out)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def wait_for(process, beginning):
    """Read until a line begins like this; returns the lines."""
    lines = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        if line.startswith(beginning):
            return lines
    raise AssertionError(f"ended without a line {beginning!r}:\n{''.join(lines)}")


def workers(process):
    """Process ids of the environment workers: the children of the command's fork server."""

    def children(pid):
        return [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    return [grandchild for child in children(process.pid) for grandchild in children(child)]


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_command_goes_on_after_kill_and_interrupt(tmp_path):
    config, out = tmp_path / "run.toml", tmp_path / "run"
    config.write_text(TOML)

    process = start(out, config)
    wait_for(process, "40 ")
    pids = workers(process)
    assert len(pids) == 2
    assert not any("libtorch" in Path(f"/proc/{pid}/maps").read_text() for pid in pids)
    process.kill()
    process.wait()
    give_up = time.monotonic() + 30
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < give_up:
        time.sleep(0.05)
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)  # workers do not outlive the trainer

    process = start(out, config)
    wait_for(process, "40 ")  # from the checkpoint at 30
    os.killpg(process.pid, signal.SIGINT)  # Ctrl-C reaches the whole group
    rest = process.communicate(timeout=60)[0]
    assert process.returncode == 130
    assert "the same command resumes from here" in rest
    assert "Traceback" not in rest

    process = start(out, config)
    rest = process.communicate(timeout=120)[0]
    assert process.returncode == 0, rest
    agent = Agent.from_pretrained(out / "weights", device="cpu")
    assert agent.config["interactions_played"] == 60
    assert agent.config["command"].endswith(f"--config {config} --out {out}")


def test_killed_worker_is_replaced_and_changes_nothing(whole, tmp_path, monkeypatch):
    step_async = EnvironmentPool.step_async
    calls = iter(range(10**6))

    def killing(self, index, action, then_seed=None):
        step_async(self, index, action, then_seed)
        if next(calls) in (17, 63):  # in the middle of a step, of an episode and of the run
            os.kill(self.pids[index % len(self.pids)], signal.SIGKILL)

    monkeypatch.setattr(EnvironmentPool, "step_async", killing)
    assert run(replace(TINY, out=tmp_path / "killed"))
    assert next(calls) == 120
    assert_same_run(tmp_path / "killed", whole)


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_change_nothing(whole, tmp_path, workers):
    assert run(replace(TINY, out=tmp_path / "run", workers=workers))
    assert_same_run(tmp_path / "run", whole)


def test_worker_that_dies_again_and_again_ends_the_command(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(EnvironmentPool, "_start", dying(EnvironmentPool._start))
    (tmp_path / "run.toml").write_text(TOML)
    arguments = ["atp_train", "--config", str(tmp_path / "run.toml"), "--out", str(tmp_path / "run")]
    monkeypatch.setattr(sys, "argv", arguments)
    assert main() == 1
    told = capsys.readouterr().err
    assert re.search(r"error: an environment worker died \(killed by SIGKILL.*4 times in a row", told)
    assert "the same command resumes" in told
    monkeypatch.undo()
    monkeypatch.setattr(sys, "argv", arguments)
    assert main() == 0
    assert (tmp_path / "run" / "weights" / "config.json").exists()


def dying(start):
    def started(self, worker):
        start(self, worker)
        if worker == 1:
            os.kill(self.pids[worker], signal.SIGKILL)

    return started
