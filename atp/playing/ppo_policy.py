"""The PPO baseline: a stable-baselines3 policy for RGB-D images, as safetensors and JSON.

The only module of ``atp`` that imports stable-baselines3.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from safetensors.torch import save as save_tensors
from stable_baselines3.common.policies import MultiInputActorCriticPolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

from atp.checkpoint import CONFIG, CheckpointError, compare_states, read_tensors, replace_folder
from atp.perception.foreground import snap_to_foreground
from atp.types import DIRECTIONS, Action, Observation
from atp.version import __version__
from envs.wrappers import depth_image

FORMAT = "ppo-1"
WEIGHTS = "policy.safetensors"


class RgbdExtractor(BaseFeaturesExtractor):
    """Features of an image, its depth and the touch bits: four convolutions of stride 2 and a linear layer.

    The feature map is flattened, not pooled: actions are pixels, so places matter.

    Args:
        observation_space: ``rgb`` (3, H, W) and ``depth`` (1, H, W) uint8 images, which arrive scaled to 0..1, and
            ``touch`` (2,).
        width: Channels of the first convolution.
        features_dim: Length of the result.
    """

    def __init__(self, observation_space: spaces.Dict, width: int = 32, features_dim: int = 256) -> None:
        super().__init__(observation_space, features_dim)
        layers: list[nn.Module] = []
        channels = 4
        for wider in (width, 2 * width, 2 * width, 2 * width):
            layers += [nn.Conv2d(channels, wider, 3, stride=2, padding=1), nn.ReLU()]
            channels = wider
        self.convolutions = nn.Sequential(*layers, nn.Flatten())
        shape = observation_space["rgb"].shape
        assert shape is not None
        with torch.no_grad():
            length = self.convolutions(torch.zeros(1, 4, *shape[1:])).shape[1]
        self.linear = nn.Sequential(nn.Linear(length + 4, features_dim), nn.ReLU())  # each touch bit and its opposite

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        """Encode (B, ...) observations to (B, features_dim)."""
        image = torch.cat([observations["rgb"], observations["depth"]], 1) - 0.5
        touch = observations["touch"].flatten(1)
        bits = torch.cat([touch, 1 - touch], 1)
        features: Tensor = self.linear(torch.cat([self.convolutions(image), bits], 1))
        return features


def policy_arguments(width: int, features: int) -> dict[str, Any]:
    """Keyword arguments (``policy_kwargs``) of the stable-baselines3 policy.

    Args:
        width: Channels of the first convolution.
        features: Length of the feature vector and of the hidden layers.
    """
    return {
        "features_extractor_class": RgbdExtractor,
        "features_extractor_kwargs": {"width": width, "features_dim": features},
        "net_arch": {"pi": [features], "vf": [features]},
        "activation_fn": nn.ReLU,
    }


class PpoPolicy:
    """A trained PPO policy.

    Args:
        policy: The policy of stable-baselines3.
        config: ``resolution``, ``width`` and ``features``, from which it is built again, ``restrict_to_foreground``
            (whether actions are moved to the object; False if left out), and what else to keep.

    Attributes:
        policy: The policy of stable-baselines3.
        config: As given.
    """

    def __init__(self, policy: MultiInputActorCriticPolicy, config: dict[str, Any]) -> None:
        self.policy, self.config = policy, dict(config)
        self.policy.set_training_mode(False)

    @classmethod
    def from_pretrained(cls, folder: str | Path, device: str = "cpu") -> PpoPolicy:
        """Load a policy. Nothing in its files is ever run.

        Args:
            folder: As written by :meth:`save_pretrained`.
            device: ``cpu`` or ``cuda``.

        Returns:
            The policy.

        Raises:
            atp.checkpoint.CheckpointError: The folder is not one of such a policy; the message names the file.
        """
        folder = Path(folder)
        config = _read_config(folder / CONFIG)
        state = read_tensors(folder / WEIGHTS)
        policy = build_policy(config["resolution"], config["width"], config["features"])
        compare_states(state, _own_state(policy), torch.float32, folder / WEIGHTS)
        policy.load_state_dict(state, strict=False)  # what is left out is shared
        return cls(policy.to(device), config)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the policy (safetensors, float32) and the config (JSON) to ``folder``, which is replaced.

        Raises:
            atp.checkpoint.CheckpointError: The weights are NaN or infinite.
        """
        state = {
            key: value.detach().to("cpu", torch.float32).contiguous() for key, value in _own_state(self.policy).items()
        }
        if not all(torch.isfinite(value).all() for value in state.values()):
            raise CheckpointError(f"{folder}: not saved, the policy has NaN or infinite weights")
        text = json.dumps({**self.config, "format": FORMAT, "version": __version__}, indent=2) + "\n"
        replace_folder(Path(folder), {WEIGHTS: save_tensors(state), CONFIG: text.encode()})

    @torch.inference_mode()
    def act(self, observation: Observation, rng: np.random.Generator | None = None) -> Action:
        """Choose an action.

        Args:
            observation: As the environment gives it, with depth in metres.
            rng: The action is sampled with it; None takes the most likely one.

        Returns:
            (5,) int64: hold row, hold col, push row, push col, direction.

        Raises:
            ValueError: There is no depth, or the image is not of the size that the policy was trained with.
        """
        side, depth = self.config["resolution"], observation.get("depth")
        if depth is None:
            raise ValueError(
                "PPO was trained with depth and cannot play without it: give it observations with 'depth' in metres"
            )
        if observation["rgb"].shape != (side, side, 3):
            raise ValueError(
                f"PPO was trained with images of {side} x {side} pixels and cannot use "
                f"{observation['rgb'].shape[0]} x {observation['rgb'].shape[1]}; "
                f"make the environment with resolution={side}"
            )
        tensors, _ = self.policy.obs_to_tensor({**observation, "depth": depth_image(depth)})  # type: ignore[dict-item]
        categories: Any = self.policy.get_distribution(tensors).distribution
        action = []
        for category in categories:
            chances = category.probs[0].double().cpu().numpy()
            choice = chances.argmax() if rng is None else rng.choice(len(chances), p=chances / chances.sum())
            action.append(int(choice))
        chosen = np.array(action, np.int64)
        return snap_to_foreground(depth, chosen) if self.config.get("restrict_to_foreground") else chosen


def build_policy(resolution: int, width: int, features: int) -> MultiInputActorCriticPolicy:
    """An untrained policy.

    Args:
        resolution: Image side in pixels.
        width: As :func:`policy_arguments`.
        features: As :func:`policy_arguments`.
    """
    side = resolution
    space = spaces.Dict(
        {
            "rgb": spaces.Box(0, 255, (3, side, side), np.uint8),
            "depth": spaces.Box(0, 255, (1, side, side), np.uint8),
            "touch": spaces.MultiBinary(2),
        }
    )
    actions = spaces.MultiDiscrete([side, side, side, side, DIRECTIONS])
    return MultiInputActorCriticPolicy(space, actions, lambda _: 0.0, **policy_arguments(width, features))


def _own_state(policy: MultiInputActorCriticPolicy) -> dict[str, Tensor]:
    """The weights without the second and third name of the features extractor, which actor and critic share."""
    shared = ("pi_features_extractor.", "vf_features_extractor.")
    return {key: value for key, value in policy.state_dict().items() if not key.startswith(shared)}


def _read_config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: cannot be read as the config of a PPO policy ({error})") from error
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise CheckpointError(f"{path}: is not the config of a PPO policy of format {FORMAT}")
    for name, least, most in (("resolution", 16, 512), ("width", 1, 512), ("features", 1, 4096)):
        value = config.get(name)
        if type(value) is not int or not least <= value <= most:
            raise CheckpointError(f"{path}: {name} must be from {least} to {most}, not {value!r}")
    if type(config.get("restrict_to_foreground", False)) is not bool:
        raise CheckpointError(f"{path}: restrict_to_foreground must be true or false")
    return config
