"""The benchmark's floor consists of the calls that a step makes."""

import json

from envs.play import ArticulatedPlay
from train.bench import BenchOptions, Recorder, run


def test_recorded_calls_repeat_the_interaction():
    env = ArticulatedPlay(split="train", category="scissors")
    env.reset(seed=0)
    action = env.oracle_action(seed=0)
    simulator = env.simulator
    state, client = simulator.state(), simulator.client
    recorder = Recorder(client)
    simulator.client = recorder
    assert env.try_action(action).effective
    simulator.client = client
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


def test_bench_writes_ratios(tmp_path):
    result = run(BenchOptions(out=tmp_path / "bench.json", repeats=2, steps=4, choices=2))
    assert json.loads((tmp_path / "bench.json").read_text()) == result
    assert len(result["ratios"]) == 2
    assert 0.8 < result["step_over_bare"] < 3
    ratios = result["choice_over_one_pass"]
    assert ratios["one_pass"] == 1
    assert ratios["rotated_passes"] > 2  # eight encodings and decodings for one
    assert ratios["eight_views"] > 2
