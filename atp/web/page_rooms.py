"""What the rooms of the page answer: one person's image and one object, asked one after the other."""

from __future__ import annotations

import base64
import io
import math
import threading
from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from PIL import Image as Pictures

import envs
from assets.catalog import split_categories
from atp.agent import Agent
from atp.drawing.primitives import overlay_labels, overlay_mask
from atp.playing.policies import POLICIES, weights_available
from atp.types import Image
from atp.web.hold_explorer import HoldExplorer, read_picture
from atp.web.playground import ChosenObject, Playground

#: Splits whose objects come with the package.
SPLITS = ("test", "train", "stress")


class StaleError(ValueError):
    """A question about an image that another one has taken the place of."""


class Rooms:
    """State of the page. All methods may be called from any thread; they wait for one another.

    Args:
        agent: Who plays, and whose maps are shown.
    """

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._lock = threading.Lock()
        self._explorer: HoldExplorer | None = None
        self._scene = 0
        self._playground: Playground | None = None

    def choices(self) -> dict[str, Any]:
        """Categories by split, and policies."""
        return {
            "categories": {split: list(split_categories(split)) for split in SPLITS},
            "policies": [name for name in POLICIES if weights_available(name)],
        }

    def look_at_object(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Show an object in the room of the maps.

        Args:
            asked: ``category``, ``split`` and ``seed``.

        Returns:
            As :meth:`look_at_picture`.

        Raises:
            ValueError: There is no such object.
        """
        chosen = _chosen(asked)
        with self._lock:
            env = gym.make(
                envs.ENV_ID,
                disable_env_checker=True,
                category=chosen.category,
                split=chosen.split,
                resolution=self._agent.resolution,
            )
            try:
                observation, _ = env.reset(seed=chosen.seed)
            finally:
                env.close()
            return self._look(HoldExplorer(self._agent, observation))

    def look_at_picture(self, data: bytes) -> dict[str, Any]:
        """Show a picture in the room of the maps.

        Args:
            data: A JPEG, PNG or WebP file.

        Returns:
            ``scene``, the number to ask for maps with; ``height`` and ``width``; ``image``, a data URL; ``hold``, the
            hold map as base64 of uint8, 255 for a reward of 1.

        Raises:
            ValueError: It is no picture.
        """
        with self._lock:
            return self._look(HoldExplorer(self._agent, {"rgb": read_picture(data, self._agent.resolution)}))

    def _look(self, explorer: HoldExplorer) -> dict[str, Any]:
        self._explorer = explorer
        self._scene += 1
        height, width = explorer.hold.shape
        return {
            "scene": self._scene,
            "height": height,
            "width": width,
            "image": _data_url(explorer.rgb),
            "hold": base64.b64encode(_bytes(explorer.hold)).decode(),
        }

    def push_maps(self, scene: int, row: int, col: int) -> bytes:
        """The eight push maps under a hold.

        Args:
            scene: Number of the image.
            row: Of the hold.
            col: Of the hold.

        Returns:
            uint8 (8, H, W), 255 for a reward of 1.

        Raises:
            StaleError: Another image is shown now.
            ValueError: The hold lies outside the image.
        """
        with self._lock:
            if self._explorer is None or scene != self._scene:
                raise StaleError("another image is shown by now: reload the page")
            return _bytes(self._explorer.push(row, col))

    def begin(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Play with another object.

        Args:
            asked: ``category``, ``split``, ``policy`` and ``seed``.

        Returns:
            How it stands: images as data URLs, what every interaction did, and the scores.

        Raises:
            ValueError: There is no such object or policy.
        """
        chosen = _chosen(asked)
        with self._lock:
            if self._playground is not None:
                self._playground.close()
                self._playground = None
            self._playground = Playground(self._agent, chosen)
            return _shown(self._playground)

    def step(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """One interaction: ``action`` of five whole numbers, or none for the policy's. Answers as :meth:`begin`."""
        action = asked.get("action")
        whole = isinstance(action, list) and len(action) == 5 and all(type(entry) is int for entry in action)
        if action is not None and not (whole and all(0 <= entry < 2**31 for entry in action)):
            raise ValueError("an action is five whole numbers: row and column of hold and push, and a direction")
        with self._lock:
            playground = self._playing()
            playground.step(None if action is None else np.array(action, np.int64))
            return _shown(playground)

    def back(self) -> dict[str, Any]:
        """Take the last interaction back. Answers as :meth:`begin`."""
        with self._lock:
            playground = self._playing()
            playground.back()
            return _shown(playground)

    def close(self) -> None:
        """End the simulation."""
        with self._lock:
            if self._playground is not None:
                self._playground.close()

    def _playing(self) -> Playground:
        if self._playground is None:
            raise StaleError("choose an object first")
        return self._playground


def _chosen(asked: Mapping[str, Any]) -> ChosenObject:
    """What a request asks to play with; ValueError where it is not of the right types."""
    texts = [asked.get("category"), asked.get("split", "test"), asked.get("policy", "ours")]
    seed = asked.get("seed", 0)
    if not all(isinstance(text, str) for text in texts) or type(seed) is not int or not 0 <= seed < 2**31:
        raise ValueError("category, split and policy must be names, and the seed a whole number from 0")
    category, split, policy = (str(text) for text in texts)
    if split not in SPLITS or category not in split_categories(split):
        raise ValueError(f"there is no category {category!r} in the split {split!r}")
    if policy not in POLICIES:
        raise ValueError(f"there is no policy {policy!r}")
    return ChosenObject(category, split, policy, seed)


def _shown(playground: Playground) -> dict[str, Any]:
    """How it stands, as JSON."""
    rgb = playground.observation["rgb"]
    steps = []
    for step in playground.steps:
        optimal, effective = bool(step.truth["optimal"]), bool(step.truth["effective"])
        miou = float(step.scores["miou"])
        steps.append(
            {
                "action": [int(entry) for entry in step.action],
                "outcome": "optimal" if optimal else "effective" if effective else "no new part",
                "miou": miou if math.isfinite(miou) else None,
                "found": int(step.parts.max()),
            }
        )
    moved = overlay_mask(rgb, playground.steps[-1].moved_after) if playground.steps else rgb
    return {
        "instance": playground.info["instance"],
        "true_parts": int(playground.info["privileged"]["num_parts"]),
        "height": rgb.shape[0],
        "width": rgb.shape[1],
        "image": _data_url(rgb),
        "moved": _data_url(moved),
        "parts": _data_url(overlay_labels(rgb, playground.parts)),
        "steps": steps,
    }


def _bytes(rewards: np.ndarray[Any, np.dtype[np.float32]]) -> bytes:
    return np.round(255 * rewards).astype(np.uint8).tobytes()


def _data_url(rgb: Image) -> str:
    file = io.BytesIO()
    Pictures.fromarray(rgb).save(file, format="PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
