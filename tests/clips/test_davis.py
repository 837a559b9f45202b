from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from atp.annotation.annotation_session import AnnotationSession
from atp.cli import main
from atp.clips import ClipError
from atp.clips.davis import find_sequence, import_sequence, read_labels

HEIGHT, WIDTH = 30, 40
PALETTE = [0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0]


def labels(number: int) -> np.ndarray:
    """Object 1 stands still, object 2 moves to the right, object 3 is there up to frame 2."""
    image = np.zeros((HEIGHT, WIDTH), np.uint8)
    image[2:6, 2:10] = 1
    image[10:20, 5 + 3 * number : 15 + 3 * number] = 2
    if number <= 2:
        image[25:28, 30:35] = 3
    return image


def write_labels(path: Path, image: np.ndarray, mode: str = "P") -> None:
    stored = Image.fromarray(image)
    if mode == "P":
        stored.putpalette(PALETTE + [9] * (768 - len(PALETTE)))  # with fewer colours it is stored in two bits
    path.parent.mkdir(parents=True, exist_ok=True)
    stored.save(path)


def write_tree(root: Path, resolution: str = "480p", annotated: tuple[int, ...] = (0, 2, 4)) -> Path:
    for number in range(6):
        file = root / "JPEGImages" / resolution / "drawer" / f"{5 * number:05}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (WIDTH, HEIGHT), (40 * number, 0, 0)).save(file)
        if number in annotated:
            write_labels(root / "Annotations" / resolution / "drawer" / f"{5 * number:05}.png", labels(number))
    return root


def read(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


@pytest.mark.parametrize("resolution", ["480p", "", "Full-Resolution"])
def test_sequence_becomes_a_clip_of_its_frames_masks_and_parts(resolution, tmp_path, capsys):
    root, out = write_tree(tmp_path / "davis", resolution), tmp_path / "clip"
    main(["import-davis", str(root), "drawer", "--out", str(out), "--objects", "2", "--licence", "CC0"])
    assert "6 frames, from 0 to 4" in capsys.readouterr().out
    clip = json.loads((out / "clip.json").read_text())
    assert (clip["frames"], clip["licence"], clip["source"]) == ("frames", "CC0", "sequence drawer")
    entry = clip["interactions"][0]
    assert (entry["before"], entry["after"]) == (0, 4)
    before, after = (read(out / entry[f"moved_{moment}"]) > 0 for moment in ("before", "after"))
    assert before.sum() == after.sum() == 100
    assert before[10:20, 5:15].all()
    assert after[10:20, 17:27].all()
    assert np.array_equal(read(out / clip["parts"]), labels(4))
    frames = sorted((out / "frames").iterdir())
    assert [round(read(frame)[..., 0].mean() / 40) for frame in frames] == list(range(6))
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".")] == []


def test_frames_and_objects_can_be_chosen(tmp_path):
    sequence = find_sequence(write_tree(tmp_path / "davis"), "drawer")
    written = import_sequence(sequence, tmp_path / "clip", before=0, after=2, objects=[1, 3])
    assert np.array_equal(written.moved_before, np.isin(labels(0), [1, 3]))
    assert np.array_equal(written.moved_after, np.isin(labels(2), [1, 3]))
    everything = import_sequence(sequence, tmp_path / "other", after=2)
    assert np.array_equal(everything.moved_after, labels(2) > 0)


def test_an_imported_clip_can_be_annotated_anew(tmp_path):
    sequence = find_sequence(write_tree(tmp_path / "davis"), "drawer")
    import_sequence(sequence, tmp_path / "clip")
    session = AnnotationSession(tmp_path / "clip", tmp_path / "drawn")
    assert (session.annotation.interactions[0].before, session.annotation.interactions[0].after) == (0, 4)
    assert session.frames.count == 6


def test_palette_grey_and_black_and_white_labels(tmp_path):
    image = labels(0)
    write_labels(tmp_path / "grey.png", image, "L")
    assert np.array_equal(read_labels(tmp_path / "grey.png", image.shape), image)
    write_labels(tmp_path / "binary.png", (image == 2).astype(np.uint8) * 255, "L")
    assert np.array_equal(read_labels(tmp_path / "binary.png", image.shape), image == 2)
    undecided = image.copy()
    undecided[0, :7] = 255
    write_labels(tmp_path / "void.png", undecided)
    assert np.array_equal(read_labels(tmp_path / "void.png", image.shape), image)
    Image.new("RGB", (WIDTH, HEIGHT)).save(tmp_path / "colour.png")
    with pytest.raises(ClipError, match=r"colour.png.*palette"):
        read_labels(tmp_path / "colour.png", image.shape)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--after", "3"], "frame 3: no label image; frames with labels: 0, 2, 4"),
        (["--after", "6"], "has 6 images"),
        (["--before", "4", "--after", "2"], "must come earlier"),
        (["--objects", "2,3"], "00020.png: has no object 3; its objects are 1, 2"),
        (["--objects", "two"], "--objects"),
        (["--resolution", "1080p"], "1080p"),
        (["--resolution", "../480p"], "not a path"),
    ],
)
def test_mistakes_are_named_and_nothing_is_written(options, message, tmp_path, capsys):
    root, out = write_tree(tmp_path / "davis"), tmp_path / "clip"
    with pytest.raises(SystemExit) as stop:
        main(["import-davis", str(root), "drawer", "--out", str(out), *options])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert [file.name for file in tmp_path.iterdir()] == ["davis"]


def test_missing_folders_are_named(tmp_path):
    root = write_tree(tmp_path / "davis")
    with pytest.raises(ClipError, match="nowhere: no such folder"):
        find_sequence(tmp_path / "nowhere", "drawer")
    with pytest.raises(ClipError, match="no sequence door"):
        find_sequence(root, "door")
    with pytest.raises(ClipError, match="not a path"):
        find_sequence(root, "../drawer")
    (root / "JPEGImages" / "480p" / "bare").mkdir()
    with pytest.raises(ClipError, match="bare: has no images"):
        find_sequence(root, "bare")
    write_tree(root, "small")
    write_tree(root, "large")
    assert find_sequence(root, "drawer").images[0].parent.parent.name == "480p"
    with pytest.raises(ClipError, match="Annotations"):
        find_sequence(write_tree(tmp_path / "none", annotated=()), "drawer")
    with pytest.raises(ClipError, match="two images or more, has 1"):
        find_sequence(write_tree(tmp_path / "one", annotated=(3,)), "drawer")
    write_tree(tmp_path / "two", "small")
    with pytest.raises(ClipError, match=r"large, small.*--resolution"):
        find_sequence(write_tree(tmp_path / "two", "large"), "drawer")


def test_sizes_must_fit_and_folders_be_empty(tmp_path):
    root = write_tree(tmp_path / "davis")
    sequence = find_sequence(root, "drawer")
    write_labels(sequence.labels[4], labels(4)[:-1])
    with pytest.raises(ClipError, match=r"00020.png: has 29 x 40 pixels, its image 30 x 40"):
        import_sequence(sequence, tmp_path / "clip")
    assert not (tmp_path / "clip").exists()
    Image.new("RGB", (WIDTH + 1, HEIGHT)).save(sequence.images[3])
    with pytest.raises(ClipError, match=r"00015.jpg: has 30 x 41 pixels"):
        find_sequence(root, "drawer")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("")
    with pytest.raises(ClipError, match="not empty"):
        import_sequence(sequence, tmp_path / "full", after=2)
