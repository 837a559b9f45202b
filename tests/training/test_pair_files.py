"""Image pairs on disk, and how they are shown in training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from atp.clips.letterbox import Letterbox
from atp.clips.steadying import match_light
from envs.image_pairs import ImagePairConfig, synthesize_pair
from train.data.image_pair_files import ImagePairFiles, PairFile, make_file
from train.data.pair_framing import as_filmed, framed
from train.data.pair_sources import DrawnPairs, RenderedPairs, pair_type
from train.data.records import decode, decode_pairs, record_type
from train.data.rendered_sets import whole_pairs

DRAWN = DrawnPairs(32)


@dataclass(frozen=True)
class Squares:
    """A source whose pairs show a square that moves to the right, below an agent."""

    resolution: int = 64

    def options(self):
        return {"squares": self.resolution}

    def make(self, seed):
        pair = np.zeros((), pair_type(self.resolution))
        rng = np.random.default_rng(seed)
        row, col = rng.integers(20, 30, 2)
        for index, shift in ((0, 0), (1, 8)):
            square = (slice(row, row + 12), slice(col + shift, col + shift + 12))
            pair["rgb"][index] = 60
            pair["rgb"][(index, *square)] = (200, 120, 90)
            pair["moved"][(index, *square)] = True
            pair["rgb"][index, :10, 40:] = (90, 200, 250)
            pair["agent"][index, :10, 40:] = True
        return pair


def test_stored_pairs_are_made_once_and_decided_by_their_options(tmp_path):
    files = ImagePairFiles(tmp_path, DRAWN, 9, seed=7, workers=1, file_size=4)
    assert len(files) == 12
    stored = sorted(tmp_path.rglob("*.npy"))
    assert len(stored) == 3
    make_file(PairFile(tmp_path / "again.npy", 1, 4, DRAWN, 7))
    assert (tmp_path / "again.npy").read_bytes() == stored[1].read_bytes()
    assert stored[0].read_bytes() != stored[1].read_bytes()

    stored[2].unlink()
    written = [file.stat().st_mtime_ns for file in stored[:2]]
    assert len(ImagePairFiles(tmp_path, DRAWN, 9, seed=7, workers=1, file_size=4)) == 12
    assert [file.stat().st_mtime_ns for file in stored[:2]] == written
    others = (DrawnPairs(32, ImagePairConfig(hands=False)), Squares(32))
    for source in others:
        ImagePairFiles(tmp_path, source, 1, seed=7, workers=1, file_size=1)
    assert len(list(tmp_path.iterdir())) == 2 + len(others)  # a set for each


def test_stored_pairs_are_those_of_their_seeds(tmp_path):
    files = ImagePairFiles(tmp_path, DRAWN, 4, seed=3, workers=1, file_size=4)
    drawn = [synthesize_pair(np.random.default_rng([3, 0, number]), ImagePairConfig(), 32) for number in range(4)]
    for pair in drawn[1::2]:  # every other one in the light of its first image
        pair.rgb[1] = match_light(*pair.rgb)
    for pair, stored in zip(drawn, files[:], strict=True):
        for name in ("rgb", "moved", "agent"):
            assert np.array_equal(stored[name], getattr(pair, name))
    sample = files.sample(20, np.random.default_rng(0))
    assert np.array_equal(sample, files.sample(20, np.random.default_rng(0)))
    assert {pair.tobytes() for pair in sample} <= {pair.tobytes() for pair in files[:]}


def test_a_damaged_file_is_named(tmp_path):
    ImagePairFiles(tmp_path, Squares(), 2, seed=0, workers=1, file_size=2)
    (file,) = tmp_path.rglob("*.npy")
    for content, problem in ((b"nothing", "cannot be read"), (None, "holds no 2 pairs")):
        if content is None:
            np.save(file, np.zeros(2, pair_type(8)))
        else:
            file.write_bytes(content)
        with pytest.raises(ValueError, match=f"{file}: {problem}.*made anew"):
            ImagePairFiles(tmp_path, Squares(), 2, seed=0, workers=1, file_size=2)


def test_rendered_pairs_are_tried_again_with_other_seeds(monkeypatch):
    from train.data import pair_sources

    seeds = []

    def render(rng, library, config, resolution):
        seeds.append(int(rng.integers(1 << 30)))
        if len(seeds) < 3:
            raise RuntimeError("no view")
        found = Squares(resolution).make((1, 2, 3))
        return type("Pair", (), {name: found[name] for name in ("rgb", "moved", "agent")})

    monkeypatch.setattr(pair_sources, "render_pair", render)
    monkeypatch.setattr(pair_sources, "_library", lambda: None)
    pair = RenderedPairs().make((1, 2, 3))
    assert len(set(seeds)) == 3
    assert pair["moved"].shape == (2, 180, 180)
    assert RenderedPairs().options()["agents"]
    monkeypatch.setattr(pair_sources, "TRIALS", 1)
    seeds.clear()
    with pytest.raises(RuntimeError, match="no view"):
        RenderedPairs().make((1, 2, 3))


def test_crops_show_what_moved_and_keep_masks_on_it():
    pairs = np.stack([Squares().make((0, 0, number)) for number in range(200)])
    shown = framed(pairs, 32, np.random.default_rng(0))
    assert shown.dtype == pair_type(32)
    assert np.array_equal(shown, framed(pairs, 32, np.random.default_rng(0)))
    assert shown["moved"].any((2, 3)).all()
    sizes = shown["moved"][:, 0].sum((1, 2)) / pairs["moved"][:, 0].sum((1, 2))
    assert 0.3 < np.mean(sizes > 0.3) < 0.75  # crops: a quarter of the pixels were the whole pair
    assert sizes.max() < 1.7
    for pair in shown:  # masks lie on what they are of, whatever the crop
        red = pair["rgb"][0, ..., 0] >= 130  # half-way between the square and what is behind it
        assert (red != pair["moved"][0]).sum() <= 8
        agent = pair["rgb"][0, ..., 2] >= 155
        assert (agent != pair["agent"][0]).sum() <= 8


def test_whole_pairs_are_reduced_by_area_and_majority():
    pairs = np.stack([Squares().make((0, 0, 1))])
    pairs["rgb"][:, 1] = pairs["rgb"][:, 1] // 2  # less light
    (shown,) = whole_pairs(pairs, 32)
    share = pairs["moved"][0].reshape(2, 32, 2, 32, 2).mean((2, 4))
    assert np.array_equal(shown["moved"], share >= 0.5)
    assert np.abs(shown["rgb"][0, 20:, 28:].astype(int) - shown["rgb"][1, 20:, 28:]).max() <= 3


def test_pairs_are_decoded_as_records_are():
    pairs = np.stack([Squares(16 * 4).make((0, 0, number)) for number in range(3)])
    records = np.zeros(3, record_type(64, 64))
    records["rgb"], records["moved"], records["action"] = pairs["rgb"], pairs["moved"], -1
    one, other = decode_pairs(pairs), decode(records)
    for name in one.keys() - {"agent_before", "agent_after"}:
        assert one[name].dtype == other[name].dtype
        assert one[name].equal(other[name]), name
    assert one["agent_after"].numpy().astype(bool).tolist() == pairs["agent"][:, 1].tolist()
    assert not other["agent_before"].any()


def test_pairs_are_shown_backwards_and_letterboxed_as_frames_are():
    rng = np.random.default_rng(0)
    pairs = np.zeros(200, pair_type(40))
    pairs["rgb"] = rng.integers(0, 256, (2, 40, 40, 3))
    pairs["moved"][:, 0, 12:20, 12:20] = True
    pairs["moved"][:, 1, 16:26, 18:28] = True
    pairs["agent"][:, 1, 30:, 5:35] = True
    shown = as_filmed(pairs.copy(), np.random.default_rng(1))
    assert shown.tobytes() == as_filmed(pairs.copy(), np.random.default_rng(1)).tobytes()
    backwards = [pair["moved"][0, 24, 24] for pair in shown]
    assert 0.15 < np.mean(backwards) < 0.45
    bordered, shapes = 0, set()
    for pair, reversed_in_time in zip(shown, backwards, strict=True):
        first = pair["rgb"][int(reversed_in_time)]
        rows, cols = ((first != first.take([0], axis)).any((1 - axis, 2)).argmax() for axis in (0, 1))
        rows, cols = max(rows - 1, 0), max(cols - 1, 0)  # the last repeated row is the frame's own
        frame = pairs["rgb"][0, 0, rows : 40 - rows, cols : 40 - cols]
        box = Letterbox(*frame.shape[:2], 40)
        assert np.array_equal(box.image(frame), first)
        bordered += rows + cols > 0
        shapes.add((rows > 0, cols > 0))
        assert not pair["moved"][:, ~box.valid].any()
        assert pair["agent"][int(not reversed_in_time), -1].any()  # its repeated edge
        assert not pair["agent"][int(reversed_in_time)].any()
    assert 0.3 < bordered / 200 < 0.7
    assert shapes == {(False, False), (True, False), (False, True)}


def test_what_moved_is_not_lost_in_the_border():
    pairs = np.zeros(50, pair_type(40))
    pairs["moved"][..., :2, :2] = True
    assert as_filmed(pairs, np.random.default_rng(0))["moved"].sum((1, 2, 3)).min() == 8


def test_pairs_are_made_beforehand_and_shown_on_a_sheet(tmp_path, monkeypatch, capsys):
    import cv2

    from train.data import __main__ as command

    monkeypatch.setattr("train.data.rendered_sets.RenderedPairs", Squares)
    monkeypatch.setattr("train.data.rendered_sets.SMALL_FILE_SIZE", 4)
    options = ["--rendered", "6", "--validation", "3", "--rendered-folder", str(tmp_path / "pairs")]
    assert command.main([*options, "--sheet", str(tmp_path / "sheet.png"), "--resolution", "32"]) == 0
    assert "8 rendered pairs, and 4 to validate with" in capsys.readouterr().out
    written = {file: file.stat().st_mtime_ns for file in (tmp_path / "pairs").rglob("*.npy")}
    assert len(written) == 3
    image = cv2.imread(str(tmp_path / "sheet.png"))
    assert image.shape == (10 * (64 + 4), 4 * (128 + 4), 3)
    assert command.main(options) == 0
    assert written == {file: file.stat().st_mtime_ns for file in (tmp_path / "pairs").rglob("*.npy")}

    def missing(self, seed):
        from envs.rendered_pairs import PicturesMissing

        raise PicturesMissing("no OpenGL context")

    monkeypatch.setattr(Squares, "make", missing)
    assert command.main(["--rendered-folder", str(tmp_path / "others")]) == 1
    assert "no OpenGL context" in capsys.readouterr().err
