"""The ring of stored interactions: wrap-around, weights, and what a killed run finds."""

from __future__ import annotations

import errno
import os

import numpy as np
import pytest

from train.data import replay as module
from train.data.records import decode, pack_depth, record_type, unpack_depth
from train.data.replay import Replay, room_needed

SIZE = 6
CAPACITY, SLACK = 10, 7


def records(*numbers):
    """Interactions that can be told apart; multiples of 3 moved, multiples of 4 were not judged."""
    made = np.zeros(len(numbers), record_type(SIZE, SIZE))
    for record, number in zip(made, numbers, strict=True):
        record["rgb"] = number % 256
        record["action"] = number
        record["moved"][1, 0, 0] = number % 3 == 0
        record["rewards"] = (np.nan, np.nan) if number % 4 == 0 else (np.nan, 1.0)
    return made


def drawable(ring):
    """Numbers of the interactions that can be drawn, found by drawing each place with certainty."""
    rng = np.random.default_rng(0)
    one_hot = np.eye(len(ring))
    return [int(ring.sample(1, rng, weights)["action"][0, 0]) for weights in one_hot]


def make(path, written=0, capacity=CAPACITY, slack=SLACK, size=SIZE):
    return Replay(path, size, size, capacity, slack, written)


def test_holds_the_last_interactions_oldest_first(tmp_path):
    ring = make(tmp_path / "replay.npy")
    assert len(ring) == 0
    for start in range(0, 42, 3):  # wraps the 17 places twice, also within one append
        ring.append(records(start, start + 1, start + 2))
        numbers = list(range(start + 3))[-CAPACITY:]
        assert ring.written == start + 3
        assert drawable(ring) == numbers
        assert ring.moved.tolist() == [n % 3 == 0 for n in numbers]
        assert ring.judged.tolist() == [n % 4 != 0 for n in numbers]


@pytest.mark.parametrize("saved", [4, 10, 23, 34])
@pytest.mark.parametrize("more", [1, SLACK])
def test_killed_run_finds_all_its_checkpoint_can_draw(tmp_path, saved, more):
    ring = make(tmp_path / "replay.npy")
    for number in range(saved):
        ring.append(records(number))
    ring.flush()
    expected = drawable(ring), ring.moved, ring.judged
    for number in range(saved, saved + more):  # played after the checkpoint, then killed: nothing is flushed
        ring.append(records(1000 + number))
    again = make(tmp_path / "replay.npy", written=saved)
    assert again.written == saved
    assert drawable(again) == expected[0]
    np.testing.assert_array_equal(again.moved, expected[1])
    np.testing.assert_array_equal(again.judged, expected[2])


def test_slack_is_needed(tmp_path):
    """The test above can fail: with one interaction more than the slack, the oldest is gone."""
    ring = make(tmp_path / "replay.npy")
    for number in range(20 + SLACK + 1):
        ring.append(records(number))
    assert drawable(make(tmp_path / "replay.npy", written=20)) != list(range(10, 20))


def test_weights(tmp_path):
    ring = make(tmp_path / "replay.npy")
    ring.append(records(*range(5)))
    rng = np.random.default_rng(0)
    drawn = ring.sample(8000, rng, np.array([0.0, 1.0, 3.0, 0.0, 4.0]))["action"][:, 0]
    shares = np.bincount(drawn, minlength=5) / 8000
    np.testing.assert_allclose(shares, [0, 1 / 8, 3 / 8, 0, 1 / 2], atol=0.02)
    for weights in (None, np.zeros(5)):
        shares = np.bincount(ring.sample(8000, rng, weights)["action"][:, 0], minlength=5) / 8000
        np.testing.assert_allclose(shares, 0.2, atol=0.02)


def test_draws_are_copies_and_reproducible(tmp_path):
    ring = make(tmp_path / "replay.npy")
    ring.append(records(*range(8)))
    first, second = (ring.sample(4, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first["action"], second["action"])
    first["action"] = -1
    assert -1 not in drawable(ring)


def test_new_run_starts_with_an_empty_file(tmp_path):
    ring = make(tmp_path / "replay.npy")
    ring.append(records(1, 2))
    ring.flush()
    assert len(make(tmp_path / "replay.npy")) == 0
    assert not np.load(tmp_path / "replay.npy")["action"].any()


def test_larger_ring_of_an_earlier_run_will_do(tmp_path):
    ring = make(tmp_path / "replay.npy", slack=SLACK + 5)
    for number in range(50):
        ring.append(records(number))
    again = make(tmp_path / "replay.npy", written=50)
    again.append(records(50))
    assert drawable(again) == list(range(41, 51))


@pytest.mark.parametrize(
    "other",
    [{"size": SIZE + 1}, {"capacity": CAPACITY + 1}, {"slack": SLACK + 1}],
    ids=lambda o: next(iter(o)),
)
def test_ring_of_other_options_is_refused(tmp_path, other):
    make(tmp_path / "replay.npy").append(records(1))
    with pytest.raises(ValueError, match=r"replay\.npy.*another resolution"):
        make(tmp_path / "replay.npy", written=1, **other)


def test_missing_or_damaged_ring_is_refused(tmp_path):
    path = tmp_path / "replay.npy"
    with pytest.raises(ValueError, match=r"replay\.npy: missing"):
        make(path, written=3)
    assert not path.exists()
    make(path)
    os.truncate(path, 200)
    with pytest.raises(ValueError, match=r"replay\.npy: cannot be read"):
        make(path, written=3)


@pytest.mark.parametrize("saved", [4, 23])
def test_interactions_that_a_disk_changed_are_refused(tmp_path, saved):
    path = tmp_path / "replay.npy"
    ring = make(path)
    for number in range(saved):
        ring.append(records(number))
    ring.flush()
    whole, sums = path.read_bytes(), (tmp_path / "replay.sums.npy").read_bytes()
    ring.append(records(1))  # what comes after the checkpoint is not looked at
    assert drawable(make(path, written=saved)) == list(range(saved))[-CAPACITY:]
    size = record_type(SIZE, SIZE).itemsize
    place = len(whole) - (CAPACITY + SLACK) * size + (saved - 1) % (CAPACITY + SLACK) * size  # of the last one
    for damage in (whole[:place] + bytes(size) + whole[place + size :], _flipped(whole, place + size // 2)):
        path.write_bytes(damage)
        with pytest.raises(ValueError, match=r"replay\.npy: 1 of \d+ interactions are not as they were written.*--out"):
            make(path, written=saved)
    path.write_bytes(whole)
    make(path, written=saved)
    for damage, says in ((sums[:40], "cannot be read"), (sums[:-4], "cannot be read|not the checksums")):
        (tmp_path / "replay.sums.npy").write_bytes(damage)
        with pytest.raises(ValueError, match=says):
            make(path, written=saved)
    make(path)  # a new run takes no old checksums
    assert not (tmp_path / "replay.sums.npy").exists()


def _flipped(data, place):
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def test_a_replay_of_before_there_were_checksums_will_do(tmp_path):
    ring = make(tmp_path / "replay.npy")
    ring.append(records(1, 2))
    with pytest.warns(UserWarning, match=r"replay\.sums\.npy: missing"):
        assert drawable(make(tmp_path / "replay.npy", written=2)) == [1, 2]


def test_room_is_taken_at_once(tmp_path):
    make(tmp_path / "replay.npy", capacity=500)
    status = (tmp_path / "replay.npy").stat()
    assert status.st_blocks * 512 >= status.st_size > 500 * record_type(SIZE, SIZE).itemsize


def test_the_room_that_is_said_is_the_room_that_is_taken(tmp_path):
    path = tmp_path / "replay.npy"
    Replay(path, 90, 90, capacity=500, slack=20, trials=2)
    said = room_needed(path, 90, 90, 520, 2)
    assert said.startswith(f"{path}: takes ")
    assert said.endswith(" for 520 interactions")
    assert float(said.split()[2]) == pytest.approx(path.stat().st_size / 1e6, abs=1)


def test_full_disk_is_a_clear_error(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module.os, "posix_fallocate", full)
    with pytest.raises(ValueError, match=r"replay\.npy: no room for .* MB .*--replay-size"):
        make(tmp_path / "replay.npy")
    assert not (tmp_path / "replay.npy").exists()


def test_file_system_that_cannot_reserve_will_do(tmp_path, monkeypatch):
    def unable(*_):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(module.os, "posix_fallocate", unable)
    ring = make(tmp_path / "replay.npy")
    ring.append(records(7))
    assert drawable(ring) == [7]


def test_depth_is_kept_to_a_tenth_of_a_millimetre():
    depth = np.array([0.0, 0.5, 1.23456, 6.5, 7.0, np.inf, np.nan], np.float32)
    back = unpack_depth(pack_depth(depth))
    assert back.dtype == np.float32
    np.testing.assert_allclose(back[:4], depth[:4], atol=1.01e-4)
    assert not back[4:].any()


def test_stored_interactions_become_tensors():
    stored = records(3, 4)
    stored["depth"][:, 1] = 20_000  # two metres: the ground
    stored["depth"][:, 1, 1, 1] = 19_000
    stored["ground"][:, 1] = 2.0
    stored["memory"][1, 2, 3] = 7
    batch = decode(stored)
    assert {name: tuple(tensor.shape[1:]) for name, tensor in batch.items()} == {
        "before": (5, SIZE, SIZE),
        "after": (5, SIZE, SIZE),
        "memory": (2, SIZE, SIZE),
        "agent_before": (SIZE, SIZE),
        "agent_after": (SIZE, SIZE),
        "moved_before": (SIZE, SIZE),
        "moved_after": (SIZE, SIZE),
        "action": (5,),
        "rewards": (2,),
        "hindsight": (SIZE, SIZE),
    }
    assert not batch["before"][:, 4].any()  # no reading
    assert batch["after"][:, 4].all()
    np.testing.assert_allclose(batch["after"][:, 3, 1, 1], 1.0, rtol=1e-5)  # 0.1 m above it, in units of 0.1 m
    assert not batch["after"][:, 3, 0, 0].any()
    assert batch["memory"][:, 0].nonzero().tolist() == [[1, 2, 3]]
    assert batch["moved_after"].nonzero().tolist() == [[0, 0, 0]]
    assert not batch["moved_before"].any()
    assert not batch["agent_after"].any()  # grippers have no body
    assert batch["action"].tolist() == [[3] * 5, [4] * 5]
    assert batch["rewards"].isnan().tolist() == [[True, False], [True, True]]
