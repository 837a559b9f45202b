from __future__ import annotations

import io
import json
import os
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from atp.clips import ClipError, find_clips, read_clip, read_frames
from atp.clips.letterbox import Letterbox
from atp.frame_action import FrameAction
from atp.part_memory.evidence import Evidence
from films import write_film

HEIGHT, WIDTH, FRAMES = 120, 160, 8
#: Decoding order is not the order of the file.
B_FRAMES = {"crf": "5", "bf": "2"}


def square(number: int) -> np.ndarray:
    """Where the square of the synthetic clip is in a frame, bool (H, W)."""
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[40:80, 20 + 10 * number : 60 + 10 * number] = True
    return mask


def frame(number: int) -> np.ndarray:
    """A frame of the synthetic clip; the brightness of its lower right corner tells its number."""
    rgb = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
    rgb[square(number)] = (220, 200, 60)
    rgb[-16:, -16:] = 20 * number
    return rgb


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("video") / "video.mp4"
    write_film(path, map(frame, range(FRAMES)), **B_FRAMES)
    return path


@pytest.fixture
def folder(tmp_path: Path, video: Path) -> Path:
    """A clip folder: the square moves from frame 1 to frame 6."""
    clip = tmp_path / "clips" / "square"
    clip.mkdir(parents=True)
    (clip / "video.mp4").write_bytes(video.read_bytes())
    Image.fromarray(square(1)).convert("L").save(clip / "before.png")
    Image.fromarray(square(6)).convert("L").save(clip / "after.png")
    change(
        clip,
        {
            "video": "video.mp4",
            "source": "synthesized",
            "licence": "CC0",
            "interactions": [{"before": 1, "after": 6, "moved_before": "before.png", "moved_after": "after.png"}],
        },
    )
    return clip


def change(clip: Path, new: dict, **entry: object) -> None:
    """Change keys of a clip.json, and of its first interaction."""
    file = clip / "clip.json"
    data = json.loads(file.read_text()) if file.exists() else {}
    data.update(new)
    if entry:
        data["interactions"][0].update(entry)
    file.write_text(json.dumps(data))


def test_a_clip_folder_is_read(folder: Path):
    change(folder, {}, hold=[60, 10], push=[50, 40], direction=0)
    clip = read_clip(folder)
    assert (clip.name, clip.shape, clip.source, clip.licence) == ("square", (120, 160), "synthesized", "CC0")
    (interaction,) = clip.interactions
    assert (interaction.before, interaction.after) == (1, 6)
    assert interaction.action == FrameAction((60, 10), (50, 40), 0)
    assert interaction.moved_before.dtype == bool
    assert (interaction.moved_before == square(1)).all()
    assert (interaction.moved_after == square(6)).all()
    assert read_clip(folder / "clip.json").name == "square"


def test_masks_and_actions_are_optional(folder: Path):
    change(folder, {"interactions": [{"before": 0, "after": 2}, {"before": 2, "after": 7, "hold": None}]})
    first, second = read_clip(folder).interactions
    assert (first.moved_before, first.moved_after, first.action) == (None, None, FrameAction())
    assert (second.before, second.after, second.action.hold) == (2, 7, None)


def test_masks_of_zeros_and_ones_and_in_colour_are_read(folder: Path):
    Image.fromarray(square(1).astype(np.uint8)).save(folder / "before.png")
    Image.fromarray(np.repeat(square(6)[..., None] * np.uint8(255), 3, axis=2)).save(folder / "after.png")
    (interaction,) = read_clip(folder).interactions
    assert (interaction.moved_before == square(1)).all()
    assert (interaction.moved_after == square(6)).all()


def test_a_bare_video_that_moves_all_the_time_goes_from_its_first_to_its_last_frame(video: Path):
    clip = read_clip(video)
    (interaction,) = clip.interactions
    assert (clip.name, clip.shape) == ("video", (HEIGHT, WIDTH))
    assert (interaction.before, interaction.after) == (0, FRAMES - 1)
    assert interaction.moved_before is None


def test_frames_are_the_ones_asked_for(video: Path):
    frames = read_frames(video, [6, 0, 3, 3])
    assert sorted(frames) == [0, 3, 6]
    for number, rgb in frames.items():
        assert rgb.dtype == np.uint8
        assert np.abs(rgb.astype(int) - frame(number)).mean() < 3
        assert rgb[-8, -8].mean() == pytest.approx(20 * number, abs=5)
    assert read_frames(video, []) == {}


def test_a_video_cut_short_gives_the_frames_that_are_left(tmp_path: Path):
    path = tmp_path / "cut.ts"  # a format without an index, as a camera that lost power leaves it
    noise = np.random.default_rng(0).integers(0, 256, (12, 64, 64, 3), dtype=np.uint8)
    write_film(path, noise, **B_FRAMES)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(ClipError, match=r"frame 11 is past the end, the last readable frame is \d$") as caught:
        read_frames(path, [11])
    last = int(str(caught.value)[-1])
    assert 2 <= last < 11
    assert sorted(read_frames(path, [0, last])) == [0, last]
    assert read_clip(path).interactions[0].after <= last


@pytest.mark.skipif(not hasattr(av.VideoStream, "set_display_rotation"), reason="PyAV cannot write rotation")
def test_a_video_taken_sideways_is_rotated_upright(tmp_path: Path):
    import cv2

    path = tmp_path / "sideways.mp4"
    write_film(path, [frame(5), frame(6)], rotation=90, **B_FRAMES)
    rgb = read_frames(path, [0])[0]
    assert rgb.shape == (WIDTH, HEIGHT, 3)
    assert np.abs(rgb.astype(int) - np.rot90(frame(5))).mean() < 3
    theirs = cv2.VideoCapture(str(path)).read()[1][..., ::-1]  # OpenCV rotates frames by itself
    assert np.abs(rgb.astype(int) - theirs).mean() < 3
    assert read_clip(path).shape == (WIDTH, HEIGHT)


def test_clips_are_found_in_folders(folder: Path, video: Path):
    (folder.parent / "notes").mkdir()
    other = folder.parent / "another"
    other.mkdir()
    (other / "clip.json").write_text("{}")
    assert find_clips([folder]) == [folder]
    assert find_clips([folder.parent, video]) == [other, folder, video]
    for paths in ([folder.parent / "notes"], [folder / "missing"], []):
        with pytest.raises(ClipError, match=str(paths[0]) if paths else "no clip given"):
            find_clips(paths)


def _frames(clip: Path, count: int, depths: int | None = None, scale: float = 0.001) -> None:
    """Make the clip one of images, with so many depth images."""
    (clip / "frames").mkdir()
    change(clip, {"video": None, "frames": "frames"}, before=0, after=1)
    for number in range(count):
        Image.fromarray(frame(number)).save(clip / "frames" / f"{number}.png")
    if depths is not None:
        (clip / "depth").mkdir()
        change(clip, {"depth": "depth", "depth_scale": scale})
        for number in range(depths):
            millimetres = np.where(square(number), 700, 800).astype(np.uint16)
            Image.fromarray(millimetres).save(clip / "depth" / f"{number}.png")


def _parts(clip: Path, labels: np.ndarray) -> None:
    Image.fromarray(labels.astype(np.uint8)).save(clip / "parts.png")
    change(clip, {"parts": "parts.png"})


WRONG = [
    ("not JSON", "clip.json.*not JSON", lambda clip: (clip / "clip.json").write_text("{'video'")),
    ("not text", "clip.json.*not JSON", lambda clip: (clip / "clip.json").write_bytes(b"\xff\xfe\x00")),
    ("too deep", "clip.json.*not JSON", lambda clip: (clip / "clip.json").write_text("[" * 200_000)),
    ("a list", "clip.json.*JSON object", lambda clip: (clip / "clip.json").write_text("[]")),
    ("no clip.json", "clip.json: missing", lambda clip: (clip / "clip.json").unlink()),
    ("no interaction", "clip.json.*'interactions'", lambda clip: change(clip, {"interactions": []})),
    ("interaction a number", r"interactions\[0\]", lambda clip: change(clip, {"interactions": [3]})),
    ("no video named", "clip.json: must name either 'video'", lambda clip: change(clip, {"video": None})),
    ("a number", "clip.json: 'video' must be a file name", lambda clip: change(clip, {"video": 3})),
    ("both", "clip.json: must name either 'video'", lambda clip: change(clip, {"frames": "frames"})),
    ("no folder", "frames: missing", lambda clip: change(clip, {"video": None, "frames": "frames"})),
    ("empty folder", "has no images", lambda clip: _frames(clip, 0)),
    ("depth too few", "for each frame, has 1 for 2", lambda clip: _frames(clip, 2, 1)),
    ("depth scale", "'depth_scale' must be", lambda clip: _frames(clip, 2, 2, 0)),
    (
        "parts of no part",
        "another value for each of 1 to 15",
        lambda clip: _parts(clip, np.zeros((120, 160))),
    ),
    ("too many parts", "this has 160 values", lambda clip: _parts(clip, np.mgrid[:120, :160][1])),
    (
        "parts of other size",
        "parts.png: the label image has 2 x 3",
        lambda clip: _parts(clip, np.ones((2, 3))),
    ),
    ("no such video", "other.mp4: missing", lambda clip: change(clip, {"video": "other.mp4"})),
    ("no video", "video.mp4: missing", lambda clip: (clip / "video.mp4").unlink()),
    ("text video", "video.mp4.*cannot be read", lambda clip: (clip / "video.mp4").write_text("no video")),
    ("empty video", "video.mp4.*cannot be read", lambda clip: (clip / "video.mp4").write_bytes(b"")),
    (
        "cut video",
        "video.mp4.*cannot be read",
        lambda clip: (clip / "video.mp4").write_bytes((clip / "video.mp4").read_bytes()[:300]),
    ),
    ("video outside", "leads out of the clip's folder", lambda clip: change(clip, {"video": "../x.mp4"})),
    ("absolute video", "leads out of the clip's folder", lambda clip: change(clip, {"video": "/etc/passwd"})),
    ("no number", r"interactions\[0\].before", lambda clip: change(clip, {}, before=None)),
    ("half a frame", r"interactions\[0\].after", lambda clip: change(clip, {}, after=2.5)),
    ("frame true", r"interactions\[0\].before", lambda clip: change(clip, {}, before=True)),
    ("negative frame", "frame numbers from 0", lambda clip: change(clip, {}, before=-1)),
    ("wrong order", "got 6 and 6", lambda clip: change(clip, {}, before=6)),
    ("mask missing", "none.png: missing", lambda clip: change(clip, {}, moved_before="none.png")),
    ("mask outside", "leads out", lambda clip: change(clip, {}, moved_after="../../after.png")),
    ("mask a number", r"interactions\[0\].moved_after", lambda clip: change(clip, {}, moved_after=7)),
    (
        "mask not an image",
        "before.png: cannot be read as an image",
        lambda clip: (clip / "before.png").write_text("x"),
    ),
    (
        "mask cut",
        "before.png: cannot be read as an image",
        lambda clip: (clip / "before.png").write_bytes((clip / "before.png").read_bytes()[:60]),
    ),
    (
        "mask of other size",
        "after.png: the mask has 60 x 80 .* frames have 120 x 160",
        lambda clip: Image.new("L", (80, 60), 255).save(clip / "after.png"),
    ),
    ("hold no pixel", r"hold' must be \[row, col\]", lambda clip: change(clip, {}, hold=[1])),
    ("hold outside", r"hold' \[120, 0\] lies outside", lambda clip: change(clip, {}, hold=[120, 0])),
    ("push outside", r"push' \[0, 160\] lies outside", lambda clip: change(clip, {}, push=[0, 160])),
    ("direction", "direction must be in 0..7", lambda clip: change(clip, {}, direction=8)),
]


@pytest.mark.parametrize(("message", "damage"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_a_broken_clip_is_refused_by_name(folder: Path, message: str, damage):
    damage(folder)
    with pytest.raises(ClipError, match=message) as caught:
        read_clip(folder)
    assert str(folder) in str(caught.value)


def test_links_out_of_the_folder_are_refused(folder: Path, video: Path):
    (folder / "video.mp4").unlink()
    (folder / "video.mp4").symlink_to(video)
    with pytest.raises(ClipError, match="leads out"):
        read_clip(folder)


def test_frames_past_the_end_are_refused(video: Path):
    with pytest.raises(ClipError, match=r"video.mp4: frame 8 is past the end, the last readable frame is 7"):
        read_frames(video, [3, 8, 9])
    with pytest.raises(ClipError, match="start at 0"):
        read_frames(video, [-1])


def test_files_that_are_no_videos_are_refused(tmp_path: Path, video: Path):
    with pytest.raises(ClipError, match="no such file"):
        read_clip(tmp_path / "none.mp4")
    Image.new("RGB", (32, 32)).save(tmp_path / "image.png")
    with pytest.raises(ClipError, match="two readable frames"):
        read_clip(tmp_path / "image.png")
    with av.open(str(tmp_path / "sound.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
    with pytest.raises(ClipError, match="no video stream"):
        read_clip(tmp_path / "sound.wav")


class FakeAgent:
    """Answers with fixed masks and remembers what it was asked."""

    def __init__(self, before: np.ndarray, after: np.ndarray, resolution: int | None = None) -> None:
        self.masks = before, after
        self.asked: list[tuple] = []
        self.parts = np.zeros(before.shape, np.uint8)
        if resolution:
            self.config = {"resolution": resolution}

    def reset(self, observation):
        self.parts[:] = 0

    def remember(self, action, moved_before, moved_after, after, chances):
        assert chances is None  # there is no depth
        self.parts[moved_after] = self.parts.max() + 1
        return self.parts.copy()

    def perceive(self, before, after, action):
        self.asked.append((before, after, action))
        return tuple(Evidence(mask, mask.astype(np.float32)) for mask in self.masks)


def test_the_command_scores_a_clip(folder: Path, tmp_path: Path):
    from atp.commands.clip import ClipOptions, run

    box = Letterbox(HEIGHT, WIDTH, 80)  # 2 frame pixels to a network pixel; 10 rows of border
    before, after = box.mask(square(1)), box.mask(square(6))
    assert before.sum() == 400
    shifted = np.roll(before, 5, axis=1)  # 20 wide, 5 off: IoU 15 / 25
    shifted[:5] = True  # in the border, which does not count
    agent = FakeAgent(shifted, after, 80)
    change(folder, {}, hold=[60, 10], push=[50, 40], direction=3)
    options = ClipOptions((folder.parent,), out=tmp_path / "out", json=tmp_path / "scores.json", second_look=False)
    result = run(options, agent).to_json()

    (entry,) = result["clips"]
    assert entry["name"] == "square"
    assert entry["motion_iou_before"] == pytest.approx(0.6)
    assert entry["motion_iou_after"] == pytest.approx(1.0)
    assert entry["motion_iou"] == result["means"]["agent"]["motion_iou"] == pytest.approx(0.8)
    assert set(entry["baselines"]) == {"frame_difference", "dis_flow", "farneback"}
    for scores in entry["baselines"].values():
        assert all(0 <= scores[key] <= 1 for key in ("motion_iou_before", "motion_iou_after", "motion_iou"))
    assert result["resolution"] == 80
    assert json.loads((tmp_path / "scores.json").read_text()) == result

    ((seen_before, seen_after, action),) = agent.asked
    assert action.tolist() == [40, 5, 35, 20, 3]  # (row + 20) / 2, col / 2
    for seen, number in ((seen_before, 1), (seen_after, 6)):
        assert seen["rgb"].shape == (80, 80, 3)
        assert seen["depth"] is None
        assert np.abs(seen["rgb"].astype(int) - box.image(frame(number))).mean() < 3
    assert Image.open(entry["image"]).size[0] > 900
    with av.open(entry["video"]) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert sum(1 for _ in container.decode(stream)) > 100


def test_the_command_takes_videos_without_masks_and_clips_of_one_name(folder: Path, video: Path, tmp_path: Path):
    from atp.commands.clip import ClipOptions, report, run

    copy = tmp_path / "other" / "square"
    copy.mkdir(parents=True)
    for file in folder.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    nothing = np.zeros((90, 90), bool)
    options = ClipOptions((video, folder, copy), out=tmp_path / "out")
    result = run(options, FakeAgent(nothing, nothing))
    bare, first, _ = result.clips
    assert bare.motion_iou is None
    assert bare.baselines["dis_flow"].motion_iou_before is None
    assert first.motion_iou == result.mean_motion_iou == 0
    names = {file.name for file in (tmp_path / "out").iterdir()}
    assert names == {
        "clips.json",
        *(f"{stem}.{kind}" for stem in ("video", "square", "square-2") for kind in ("png", "mp4", "masks")),
    }

    plain, terminal = io.StringIO(), io.StringIO()
    report(result, Console(file=plain))
    report(result, Console(file=terminal, force_terminal=True, width=100))
    lines = plain.getvalue().splitlines()
    assert "square\tagent\t0.000\t0.000\t0.000" in lines
    assert "video\tagent\t-\t-\t-" in lines
    assert "┃" in terminal.getvalue()
    assert "┃" not in plain.getvalue()


def test_of_a_video_without_masks_the_command_says_what_was_found_and_writes_it_at_the_size_of_the_frames(
    video: Path, tmp_path: Path
):
    from atp.commands.clip import ClipOptions, report, run

    moved = np.zeros((90, 90), bool)
    moved[40:50, 30:60] = True
    options = ClipOptions((video,), out=tmp_path / "out", second_look=False, steadies=False)
    result = run(options, FakeAgent(moved, moved))
    (entry,) = result.clips
    clip = read_clip(video)
    box = Letterbox(*clip.shape, 90)
    assert entry.interactions[0].moved_share == pytest.approx((moved[box.valid].mean(),) * 2, abs=1e-5)

    said = io.StringIO()
    report(result, Console(file=said))
    first = entry.interactions[0]
    assert (
        f"1. frames {first.before} to {first.after}: {100 * first.moved_share[0]:.1f} % of the frame" in said.getvalue()
    )
    assert "-\t-" not in said.getvalue()

    folder = tmp_path / "out/video.masks"
    png = Image.open(folder / f"1-before-{first.before:06d}.png")
    assert png.mode == "P"
    assert np.array_equal(np.asarray(png) == 1, box.mask_to_frame(moved))
    assert Image.open(folder / f"1-after-{first.after:06d}.overlay.png").size == clip.shape[::-1]
    coco = json.loads((folder / "masks.json").read_text())
    assert {(image["height"], image["width"]) for image in coco["images"]} == {clip.shape}
    assert len(coco["images"]) == 2 * len(entry.interactions) + 1


def test_the_command_refuses_a_mask_too_small_to_score(folder: Path, tmp_path: Path):
    from atp.commands.clip import ClipOptions, run

    speck = np.zeros((HEIGHT, WIDTH), np.uint8)
    speck[50, 50] = 255
    Image.fromarray(speck).save(folder / "before.png")
    nothing = np.zeros((40, 40), bool)
    with pytest.raises(ClipError, match=f"{folder}.*vanishes at 40 x 40"):
        run(ClipOptions((folder,), out=tmp_path / "out"), FakeAgent(nothing, nothing, 40))
    assert not (tmp_path / "out").exists()


CLIPS = os.environ.get("ATP_CLIPS")


@pytest.mark.skipif(not CLIPS, reason="set ATP_CLIPS to a folder of real clips to run this")
def test_real_clips_are_read_and_scored(tmp_path: Path):
    from atp.commands.clip import ClipOptions, run

    folders = find_clips([Path(CLIPS)])
    clips = [read_clip(path) for path in folders]
    for clip in clips:
        numbers = {number for found in clip.interactions for number in (found.before, found.after)}
        frames = read_frames(clip.footage.path, numbers)
        assert {rgb.shape for rgb in frames.values()} == {(*clip.shape, 3)}
        for found in clip.interactions:
            masks = [mask for mask in (found.moved_before, found.moved_after) if mask is not None]
            for mask in masks:
                assert mask.shape == clip.shape
                small = Letterbox(*clip.shape, 90).mask(mask)
                # The share of the frame is kept where the mask is brought to the network's size.
                valid = Letterbox(*clip.shape, 90).valid.sum()
                assert small.sum() / valid == pytest.approx(mask.mean(), rel=0.1)
    nothing = np.zeros((90, 90), bool)
    result = run(ClipOptions((Path(CLIPS),), out=tmp_path), FakeAgent(nothing, nothing)).to_json()
    assert [entry["name"] for entry in result["clips"]] == [path.name for path in folders]
    for entry in result["clips"]:
        for scores in entry["baselines"].values():
            assert all(0 <= scores[key] <= 1 for key in ("motion_iou_before", "motion_iou_after", "motion_iou"))
