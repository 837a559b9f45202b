"""The benchmark of speed: its floor consists of the calls that a step makes, and its figures are ratios in one run."""

from __future__ import annotations

import json
import math

import pytest

from atp.results.bench import ActingTimes, BenchResult, SoupTimes
from envs.play import ArticulatedPlay
from train.bench.__main__ import BenchOptions, run
from train.bench.acting import bench_acting
from train.bench.endurance import EnduranceOptions, growth
from train.bench.endurance import run as endure
from train.bench.measuring import in_turns, median_ms, median_rate, median_ratio
from train.bench.step import bench_step, record_step


def test_recorded_calls_repeat_the_interaction():
    env = ArticulatedPlay(split="train", category="scissors")
    env.reset(seed=0)
    action = env.oracle_action(seed=0)
    simulator = env.simulator
    state, client = simulator.state(), simulator.client
    recorder = record_step(env, action)
    assert simulator.client is client
    assert simulator.state() == state
    assert recorder.replay() > 0
    replayed = dict(simulator.state())
    simulator.restore(state)
    env.step(action)
    stepped = dict(simulator.state())
    assert max(abs(stepped[joint] - start) for joint, start in state) > 0.05
    assert all(abs(stepped[joint] - replayed[joint]) < 1e-6 for joint in stepped)
    assert sum(name == "stepSimulation" for name, *_ in recorder.calls) == 60
    env.close()


def test_measurements_take_turns():
    order = []
    measures = {name: lambda name=name: order.append(name) or len(order) for name in ("a", "b")}
    seconds = in_turns(measures, 3)
    assert order == ["a", "b"] * 3
    assert seconds == {"a": [1, 3, 5], "b": [2, 4, 6]}
    assert median_ratio(seconds, "b", "a") == round(4 / 3, 4)
    assert median_ms(seconds, "a", 2) == 1500
    assert median_rate(seconds, "b", 8) == 2


def test_step_over_its_floor():
    result = vars(bench_step(repeats=3, steps=10, seed=0))
    assert 0.8 < result["step_over_bare"] < 3
    assert result["step_ms"] > result["bare_ms"] / 2 > 0


def test_ways_to_choose():
    result = vars(bench_acting("default", repeats=2, choices=2, seed=0))
    ratios = result["choice_over_one_pass"]
    assert ratios["one_pass"] == 1
    assert ratios["rotated_passes"] > 2  # eight encodings and decodings for one
    assert ratios["eight_views"] > 2
    assert set(result["batch_ms"]) == {"1", "4", "16"}


def test_bench_of_one_part_keeps_the_rest(tmp_path):
    out = tmp_path / "bench.json"
    acting = ActingTimes("cpu", 7, {}, {}, {})
    BenchResult(9, 1, acting=acting, soups=SoupTimes(0.0, 0.0, 0, 0)).write(out)
    result = run(BenchOptions(out=out, parts=("soups",), repeats=1))
    assert BenchResult.read(out) == result
    assert result.acting == acting
    assert (result.repeats, result.soups.files) == (1, 16)


@pytest.mark.slow
def test_bench_writes_all_parts(tmp_path):
    options = BenchOptions(out=tmp_path / "bench.json", repeats=1, steps=8, interactions=64, rounds=1, choices=2)
    result = run(options).to_json()
    assert json.loads((tmp_path / "bench.json").read_text()) == result
    for count in ("2", "16"):
        rates = result["rollouts"]["environments"][count]
        assert rates["pool_over_async_vector_env"] == pytest.approx(
            rates["rate_pool"] / rates["rate_async_vector_env"], rel=0.01
        )
    assert result["training"]["over_sum"] > 0.3
    assert result["cost"]["by_resolution"]["360"]["step_ms"] > result["cost"]["by_resolution"]["45"]["step_ms"]


def test_growth_counts_after_the_warm_up():
    assert growth([[1.0] * 5], 0.1) is not None
    assert growth([[1.0]], 0.1) is None
    rising = [50.0] * 10 + [100.0] * 80 + [104.0] * 10
    assert math.isclose(growth([[100.0] * 100, rising], 0.1), 0.04)


def test_endurance_watches_all_workers(tmp_path):
    options = EnduranceOptions(out=tmp_path / "memory.json", interactions=60, samples=6, envs=3, workers=2)
    result = endure(options).to_json()
    assert json.loads((tmp_path / "memory.json").read_text()) == result
    assert result["interactions"] >= 60
    assert 10 <= result["resets"] <= 18
    assert len(result["megabytes"]) == 2
    assert all(len(samples) >= 5 and min(samples) > 20 for samples in result["megabytes"])
