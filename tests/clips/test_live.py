"""Playing on a real object, with the simulator in its place: a thread is the person who carries out the plans."""

from __future__ import annotations

import json
import shutil
import sys
import threading
import time
import types
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from PIL import Image

import envs
from atp.agent import Agent
from atp.clips import ClipError, read_clip
from atp.clips.letterbox import Letterbox
from atp.clips.scoring import evaluate_clip
from atp.commands.live import LiveOptions, run
from atp.drawing.primitives import HOLD_COLOUR
from atp.frame_action import FrameAction
from atp.live.cameras import RealSense, Shot, WatchedFolder, Webcam
from atp.live.guide import Guide, Plan
from atp.live.live_session import LiveSession
from atp.metrics import miou
from atp.playing.episode import play_episode
from atp.playing.policies import make_policy
from tiny_agent import SIDE

SEED = 3


def make_env(category: str = "pliers", interactions: int = 5) -> gym.Env:
    return gym.make(
        envs.ENV_ID,
        split="test",
        category=category,
        interactions=interactions,
        randomization=False,
        disable_env_checker=True,
    )


def put(folder: Path, number: int, observation: dict) -> None:
    """Put an image into a folder as a camera program does: the depth first, the image in two pieces."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / f"{number:04}.depth.npy", observation["depth"])
    file = folder / f"{number:04}.png"
    Image.fromarray(observation["rgb"]).save(folder / "hidden.tmp", format="png")
    content = (folder / "hidden.tmp").read_bytes()
    with file.open("wb") as handle:
        handle.write(content[: len(content) // 2])
        handle.flush()
        time.sleep(0.15)
        handle.write(content[len(content) // 2 :])


class Person(threading.Thread):
    """Reads plan.json, carries it out in the simulator, and puts the next image into a folder."""

    def __init__(self, out: Path, folder: Path, interactions: int = 5, category: str = "pliers") -> None:
        super().__init__(daemon=True)
        self.out, self.folder, self.interactions = out, folder, interactions
        self.env = make_env(category)
        self.observation, self.info = self.env.reset(seed=SEED)
        self.done = 0
        put(folder, 0, self.observation)

    def run(self) -> None:
        while self.done < self.interactions:
            plan = self._plan()
            if plan is None or plan["number"] != self.done + 1:
                time.sleep(0.02)
                continue
            action = np.array([*plan["hold"], *plan["push"], plan["direction"]])
            self.observation, _, _, _, self.info = self.env.step(action)
            self.done += 1
            put(self.folder, self.done, self.observation)

    def _plan(self) -> dict | None:
        file = self.out / "plan.json"
        return json.loads(file.read_text()) if file.exists() else None


@pytest.fixture(scope="module")
def evaluated() -> tuple[np.ndarray, float]:
    """Parts and mIoU after an episode played and scored as `atp eval` does it."""
    env, agent = make_env(), Agent.from_pretrained("default", "cpu").for_clips()
    observation, _ = env.reset(seed=SEED)
    steps = list(play_episode(env, agent, make_policy("ours", env, agent, np.random.default_rng(0)), observation))
    env.close()
    return steps[-1].parts, steps[-1].scores.miou


def options(tmp_path: Path, **more) -> LiveOptions:
    return LiveOptions(
        **{"folder": tmp_path / "images", "out": tmp_path / "out", "device": "cpu", "timeout": 60.0} | more
    )


def found_parts(out: Path) -> np.ndarray:
    return np.asarray(Image.open(out / "found_parts.png"))


def test_a_person_gets_as_far_as_the_simulator(tmp_path: Path, evaluated, capsys: pytest.CaptureFixture):
    person = Person(tmp_path / "out", tmp_path / "images")
    person.start()
    result = run(options(tmp_path)).to_json()
    person.join(10)
    parts, score = evaluated
    assert np.array_equal(found_parts(tmp_path / "out"), parts)
    assert miou(parts, person.info["privileged"]["labels"]) == pytest.approx(score)
    assert score > 0.3  # it does find parts: two blanks would be equal too
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("1. hold at row ")
    assert len(said) == len(result["interactions"]) == 5
    assert result["parts_found"] == result["interactions"][-1]["parts_found"] == len(np.unique(parts)) - 1
    assert json.loads((tmp_path / "out" / "result.json").read_text()) == result

    clip = read_clip(tmp_path / "out")
    assert [(found.before, found.after) for found in clip.interactions] == [(k, k + 1) for k in range(5)]
    for found, entry in zip(clip.interactions, result["interactions"], strict=True):
        assert found.action.to_json() == {key: entry[key] for key in ("hold", "push", "direction")}
        assert found.moved_before is None  # what the agent saw is not the truth
    ((_, last),) = clip.footage.frames([5])
    assert np.array_equal(last, person.observation["rgb"])
    assert np.abs(clip.depth.read(5, clip.shape) - person.observation["depth"]).max() < 0.0001
    again = evaluate_clip(clip, Agent.from_pretrained("default", "cpu").for_clips(), 90)  # as `atp clip` does
    assert miou(again.parts["agent"], parts) > 0.98  # its depth is rounded
    assert {"strip.png", "video.mp4", "plan.png"} <= {file.name for file in (tmp_path / "out").iterdir()}


class Impatient(WatchedFolder):
    """A person who gives up after some images."""

    def __init__(self, folder: Path, images: int) -> None:
        super().__init__(folder, 60)
        self.left = images

    def take(self) -> Shot:
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        return super().take()


def test_a_session_that_was_ended_is_whole_and_can_be_resumed(tmp_path: Path, evaluated):
    person = Person(tmp_path / "out", tmp_path / "images")
    person.start()
    with pytest.raises(KeyboardInterrupt):
        run(options(tmp_path), Impatient(tmp_path / "images", 3))
    clip = read_clip(tmp_path / "out")
    assert len(clip.interactions) == len(json.loads((tmp_path / "out/result.json").read_text())["interactions"]) == 2
    with pytest.raises(ClipError, match="there is a clip already"):
        run(options(tmp_path))
    frames = tmp_path / "out" / "frames"  # as if it was killed before it wrote an image's depth
    shutil.copyfile(frames / "000002.png", frames / "000003.png")
    result = run(options(tmp_path, resume=True)).to_json()
    assert len(result["interactions"]) == 5
    assert miou(found_parts(tmp_path / "out"), evaluated[0]) > 0.98  # the depth that it resumes with is rounded
    assert len(read_clip(tmp_path / "out").interactions) == 5


class Shots:
    """Given images."""

    def __init__(self, *shots: Shot) -> None:
        self.shots = list(shots)

    def take(self) -> Shot:
        return self.shots.pop(0)

    def close(self) -> None:
        pass


class Quiet:
    """A guide that keeps the plans."""

    def __init__(self) -> None:
        self.plans: list[tuple[tuple[int, ...], Plan, tuple[int, int]]] = []

    def show(self, rgb: np.ndarray, plan: Plan, shape: tuple[int, int]) -> None:
        self.plans.append((rgb.shape, plan, shape))


@pytest.mark.parametrize("shape", [(120, 360), (900, 300)])
def test_plans_lie_on_the_frame_whatever_its_shape(tmp_path: Path, agent: Agent, shape: tuple[int, int]):
    rng = np.random.default_rng(0)
    shots = [Shot(rng.integers(0, 255, (*shape, 3)).astype(np.uint8)) for _ in range(3)]
    session, guide = LiveSession(agent, tmp_path / "out"), Quiet()
    session.play(Shots(*shots), 2, guide)
    for step, (shown, plan, frame) in zip(session.steps, guide.plans, strict=True):
        assert frame == shape
        assert plan.action == step.plan.action
        for pixel in (plan.action.hold, plan.action.push):
            assert 0 <= pixel[0] < shape[0]
            assert 0 <= pixel[1] < shape[1]
        assert step.before.shape == shown
    actions = json.loads((tmp_path / "out" / "actions.json").read_text())
    box = Letterbox(*shape, SIDE)
    for action, step in zip(actions, session.steps, strict=True):
        assert box.valid[action[0], action[1]]
        assert box.valid[action[2], action[3]]
        assert box.pixel(*step.plan.action.hold) == tuple(action[:2])
        assert box.pixel(*step.plan.action.push) == tuple(action[2:4])
    assert session.labels().shape == shape


def test_a_plan_is_in_the_pixels_of_the_camera_whose_frame_it_names(tmp_path: Path, capsys: pytest.CaptureFixture):
    reduced = np.zeros((90, 160, 3), np.uint8)
    plan = Plan(1, FrameAction((800, 1500), (200, 300), 2))
    Guide(tmp_path, "press Enter").show(reduced, plan, (1080, 1920))
    said = json.loads((tmp_path / "plan.json").read_text())
    assert (said["hold"], said["push"]) == ([800, 1500], [200, 300])
    assert said["frame"] == {"height": 1080, "width": 1920}
    assert "row 800, column 1500" in capsys.readouterr().out
    ring = (np.asarray(Image.open(tmp_path / "plan.png")) == HOLD_COLOUR).all(axis=2)
    rows, cols = np.nonzero(ring)
    scale = 720 / 1920
    assert abs(rows.mean() - 800 * scale) < 8
    assert abs(cols.mean() - 1500 * scale) < 8


def test_images_unlike_the_first_are_refused(tmp_path: Path, agent: Agent):
    rgb, depth = np.zeros((90, 90, 3), np.uint8), np.ones((90, 90), np.float32)
    for number, (other, message) in enumerate(
        ((Shot(rgb[:80], depth[:80]), "has 80 x 90 pixels.*first one 90 x 90"), (Shot(rgb), "or none"))
    ):
        session = LiveSession(agent, tmp_path / str(number))
        with pytest.raises(ClipError, match=message):
            session.play(Shots(Shot(rgb, depth), other), 1, Quiet())
        assert not session.steps


def test_a_folder_is_waited_for_and_broken_images_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(ClipError, match="no new image came"):
        WatchedFolder(tmp_path / "later", timeout=0.2).take()
    monkeypatch.setattr("atp.live.cameras.PATIENCE", 0.3)
    (tmp_path / "0.png").write_bytes(b"no image")
    with pytest.raises(ClipError, match=r"0\.png: cannot be read"):
        WatchedFolder(tmp_path).take()
    rgb = np.full((4, 6, 3), 7, np.uint8)
    Image.fromarray(rgb).save(tmp_path / "1.png")
    source = WatchedFolder(tmp_path, skip=1)
    assert np.array_equal(source.take().rgb, rgb)
    Image.fromarray(rgb).save(tmp_path / "2.png")
    np.save(tmp_path / "2.depth.npy", np.ones((3, 3), np.float32))
    with pytest.raises(ClipError, match=r"2\.depth\.npy: cannot be read as the depth of 2\.png"):
        source.take()
    (tmp_path / "2.depth.npy").unlink()
    Image.fromarray(np.full((4, 6), 1500, np.uint16)).save(tmp_path / "2.depth.png")
    assert source.take().depth == pytest.approx(np.full((4, 6), 1.5))


class FakeCapture:
    """A camera that keeps old frames: their brightness counts."""

    def __init__(self, name) -> None:
        self.opened, self.count = name != 7, 0

    def isOpened(self) -> bool:
        return self.opened

    def grab(self) -> bool:
        self.count += 1
        return True

    def read(self):
        self.count += 1
        return self.count < 20, np.full((4, 6, 3), (self.count, 0, 200), np.uint8)

    def release(self) -> None:
        self.opened = False


def test_a_camera_gives_fresh_frames_once_the_person_is_done(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("cv2.VideoCapture", FakeCapture)
    asked: list[int] = []
    source = Webcam("0", lambda: asked.append(1))
    assert source.take().rgb[0, 0].tolist() == [200, 0, 6]  # RGB, and not one of the five that were waiting
    assert source.take().depth is None
    assert len(asked) == 2
    source.take()
    with pytest.raises(ClipError, match="camera 0: gives no image"):
        source.take()
    with pytest.raises(ClipError, match="camera 7: cannot be opened"):
        Webcam("7", lambda: None)


def test_realsense_says_what_to_install_and_gives_depth_in_metres(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pyrealsense2", None)
    with pytest.raises(ClipError, match=r"pip install 'act-the-part\[realsense\]'"):
        RealSense(lambda: None)

    def frame(data):
        return types.SimpleNamespace(get_data=lambda: data)

    frames = types.SimpleNamespace(
        get_color_frame=lambda: frame(np.full((4, 6, 3), 9, np.uint8)),
        get_depth_frame=lambda: frame(np.full((4, 6), 800, np.uint16)),
    )
    device = types.SimpleNamespace(first_depth_sensor=lambda: types.SimpleNamespace(get_depth_scale=lambda: 0.00025))
    pipeline = types.SimpleNamespace(
        start=lambda config: types.SimpleNamespace(get_device=lambda: device),
        wait_for_frames=lambda: frames,
        stop=lambda: None,
    )
    fake = types.SimpleNamespace(
        pipeline=lambda: pipeline,
        config=lambda: types.SimpleNamespace(enable_stream=lambda *wanted: None),
        stream=types.SimpleNamespace(color=0, depth=1),
        format=types.SimpleNamespace(rgb8=0, z16=1),
        align=lambda to: types.SimpleNamespace(process=lambda found: found),
    )
    monkeypatch.setitem(sys.modules, "pyrealsense2", fake)
    shot = RealSense(lambda: None).take()
    assert shot.rgb.shape == (4, 6, 3)
    assert shot.depth == pytest.approx(np.full((4, 6), 0.2))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"folder": None}, "name one source"),
        ({"camera": "0"}, "name one source"),
        ({"interactions": 0}, "at least 1"),
    ],
)
def test_options_that_make_no_sense_are_refused(tmp_path: Path, more: dict, message: str):
    with pytest.raises(ValueError, match=message):
        run(options(tmp_path, **more))
    assert not (tmp_path / "out").exists()
