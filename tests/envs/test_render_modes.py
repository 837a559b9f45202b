"""Images of the environment for people, with and without a screen."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from envs import human_render
from envs.play import ArticulatedPlay
from episodes import python

pytestmark = pytest.mark.usefixtures("cache")


def test_rgb_array():
    env = ArticulatedPlay(render_mode="rgb_array", resolution=(90, 100))
    env.reset(seed=0)
    first = env.render()
    assert first is not None
    assert first.shape == (270, 600, 3)
    assert first.dtype == np.uint8
    env.step(np.array([20, 30, 60, 70, 2]))
    second = env.render()
    assert second is not None
    assert first.tobytes() != second.tobytes()
    # the hold and the push are drawn in the left half: a circle about its pixel, an arrow upwards from its own
    assert (second[61 + 9 - 2 : 61 + 9 + 3, 91] == human_render.HOLD_COLOUR).all(axis=-1).any()
    assert (second[140:182, 211] == human_render.PUSH_COLOUR).all(axis=-1).sum() > 20
    env.close()


def test_no_render_mode_no_image(env):
    env.reset(seed=0)
    assert env.render() is None


def test_human_mode_without_a_screen(monkeypatch):
    """OpenCV would end the process: hence an error before it is asked."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(RuntimeError, match=r"needs a screen.*rgb_array"):
        ArticulatedPlay(render_mode="human")
    env = ArticulatedPlay()
    assert env.metadata["render_modes"] == ["rgb_array"]  # so that checkers do not try
    assert "human" in ArticulatedPlay.metadata["render_modes"]
    env.close()


def test_human_mode_with_a_screen_that_is_not_there():
    code = (
        "import gymnasium as gym\n"
        "try:\n    gym.make('envs:ArticulatedPlay-v0', render_mode='human')\n"
        "except RuntimeError as error:\n    print(error)"
    )
    printed = python(code, DISPLAY=":4242", WAYLAND_DISPLAY="")
    assert "render_mode='human' needs a screen" in printed


def test_human_mode_shows_every_image(monkeypatch):
    shown = []
    monkeypatch.setattr(human_render, "require_screen", lambda: None)
    monkeypatch.setattr(human_render.cv2, "imshow", lambda name, image: shown.append(image))
    monkeypatch.setattr(human_render.cv2, "waitKey", lambda milliseconds: -1)
    monkeypatch.setattr(human_render.cv2, "destroyAllWindows", lambda: shown.append("closed"))
    human = ArticulatedPlay(render_mode="human")
    human.reset(seed=0)
    human.step(np.array([20, 30, 60, 70, 2]))
    assert human.render() is None
    human.close()
    assert len(shown) == 4
    assert shown[-1] == "closed"
    array = ArticulatedPlay(render_mode="rgb_array")
    array.reset(seed=0)
    array.step(np.array([20, 30, 60, 70, 2]))
    np.testing.assert_array_equal(shown[1][..., ::-1], array.render())  # a window takes blue first
    array.close()
