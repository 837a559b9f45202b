"""The part network: which pixels moved, seen before and after an interaction."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from atp.networks import appearance as looks
from atp.networks.blocks import Decoder, Encoder, GroupNorm, check_size, convolution
from atp.networks.encoding import ACTION_CHANNELS, IMAGE_CHANNELS
from atp.networks.matching import Matching

DIFFERENCE_CHANNELS = 4  # colour and height
PRIOR = 0.1  # share of an image that an untrained network takes to have moved
#: Levels of the encoder at which the images are matched, and heads of each: stride 8. At stride 4 as well, a training
#: step takes twice as long.
MATCHED = {2: 4}
#: Levels to which the two features of :class:`atp.networks.appearance.Appearance` are added.
SEEN_LEVELS = (1, 2)
SEEN_GROUPS = 8  # in which they are normalised


class Exchange(nn.Module):
    """Let each stream see the other's features, around the same place: 3 x 3 cells at strides 8 and 16."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduce = convolution(2 * channels, channels // 2, 1)
        self.norm = GroupNorm(channels // 2)
        self.mix = convolution(channels // 2, channels)

    def forward(self, features: Tensor) -> Tensor:
        """Add to (2B, C, h, w) features, the first B of stream one, what the other stream says."""
        other = features.roll(len(features) // 2, 0)
        hidden = torch.relu(self.norm(self.reduce(torch.cat([features, other], 1))))
        mixed: Tensor = self.mix(hidden)
        return features + mixed


class PartNetwork(nn.Module):
    """Motion segmentation of an image pair (AtP, arXiv 2105.01047, motion segmentation).

    Two streams with shared weights: one sees [before, after, action], the other [after, before, action], so
    that each compares its own image with the other from the first layer on. At strides 8 and 16, where a
    part that moves by 20 pixels and more is only a few cells away, the streams exchange features. One
    decoder gives the mask M_t of what moved in the image before, the other M_{t+1} of the same part in the
    image after. An action of zeros means that the action is not known.

    The rest is ours, for video with hands in it, and left out unless asked for.

    Args:
        width: Channels at stride 2; doubled at strides 4, 8 and 16.
        agent: Also segment agents: hands, arms, robots. They are no part of what moved.
        matching: Match each cell at stride 8 with all cells of the other image (:mod:`atp.networks.matching`).
        appearance: Add features of each image alone (:mod:`atp.networks.appearance`).
    """

    def __init__(self, width: int = 32, agent: bool = False, matching: bool = False, appearance: bool = False) -> None:
        super().__init__()
        extras = {"agent": agent, "matching": matching, "appearance": appearance}
        self.config: dict[str, Any] = {"width": width, **{name: True for name, wanted in extras.items() if wanted}}
        inputs = 2 * IMAGE_CHANNELS + DIFFERENCE_CHANNELS + ACTION_CHANNELS
        self.encoder = Encoder(inputs, width)
        channels = self.encoder.channels
        self.exchanges = nn.ModuleList([Exchange(each) for each in channels[2:]])
        outputs = 2 if agent else 1
        self.before_decoder = Decoder(channels, inputs, outputs, PRIOR)
        self.after_decoder = Decoder(channels, inputs, outputs, PRIOR)
        seen = dict(zip(SEEN_LEVELS, looks.SEEN, strict=True)) if appearance else {}
        if appearance:
            self.appearance = looks.Appearance()
            self.seen_joins = nn.ModuleDict(
                {str(level): _silent(2 * size, channels[level]) for level, size in seen.items()}
            )
        if matching:
            self.matchings = nn.ModuleDict({
                str(level): Matching(channels[level] + seen.get(level, 0), channels[level], heads)
                for level, heads in MATCHED.items()
            })  # fmt: skip

    @property
    def segments_agents(self) -> bool:
        """Whether it segments agents too."""
        return bool(self.config.get("agent"))

    def forward(self, before: Tensor, after: Tensor, action: Tensor, agents: bool = False) -> tuple[Tensor, ...]:
        """Segment what moved.

        Args:
            before: (B, 5, H, W) image tensor of I_t (`atp.networks.encoding.image_tensor`).
            after: (B, 5, H, W) image tensor of I_{t+1}.
            action: (B, 4, H, W) action maps (`atp.networks.encoding.action_tensor`), zeros where not known.
            agents: Also give what is an agent.

        Returns:
            Logits of M_t and of M_{t+1}, each (B, H, W) float32; with ``agents`` also those of agents before and after.

        Raises:
            ValueError: On a wrong shape or images smaller than 16 pixels; ``agents`` of a network that has none.
        """
        check_size(before, IMAGE_CHANNELS, "before")
        check_size(after, IMAGE_CHANNELS, "after")
        check_size(action, ACTION_CHANNELS, "action")
        if agents and not self.segments_agents:
            raise ValueError("this part network does not segment agents")
        difference = (before[:, :DIFFERENCE_CHANNELS] - after[:, :DIFFERENCE_CHANNELS]).abs()
        raw = torch.cat(
            [
                torch.cat([before, after, difference, action], 1),
                torch.cat([after, before, difference, action], 1),
            ]
        )
        levels = self._levels(raw, torch.cat([before, after]))
        count = len(before)
        first = self.before_decoder([x[:count] for x in levels], raw[:count])
        second = self.after_decoder([x[count:] for x in levels], raw[count:])
        moved = (first[:, 0], second[:, 0])
        return (*moved, first[:, 1], second[:, 1]) if agents else moved

    def _levels(self, raw: Tensor, images: Tensor) -> list[Tensor]:
        """Features at strides 2, 4, 8 and 16 of both streams, (2B, C, h, w) each."""
        seen: dict[str, Tensor] = {}
        if self.config.get("appearance"):
            # without weights: PyTorch's backward of a norm with weights crashes where its input needs no gradient
            found = [F.group_norm(each, SEEN_GROUPS) for each in self.appearance(images)]
            seen = {str(level): each for level, each in zip(SEEN_LEVELS, found, strict=True)}
        features = self.encoder.stem(raw)
        levels = []
        for level, stage in enumerate(self.encoder.stages):
            features, name = stage(features), str(level)
            compared = features
            if name in seen:
                own = seen[name]
                compared = torch.cat([features, own], 1)
                features = features + self.seen_joins[name](torch.cat([own, own.roll(len(own) // 2, 0)], 1))
            if self.config.get("matching") and level in MATCHED:
                features = self.matchings[name](features, compared)
            if level >= 2:
                features = self.exchanges[level - 2](features)
            levels.append(features)
        return levels


def _silent(inputs: int, outputs: int) -> nn.Conv2d:
    """A 1 x 1 convolution that says nothing until it is trained."""
    layer = convolution(inputs, outputs, 1)
    nn.init.zeros_(layer.weight)
    return layer


def extended(
    network: PartNetwork, agent: bool = False, matching: bool = False, appearance: bool = False
) -> PartNetwork:
    """A network with more to it, which sees the same motion at first.

    What is added starts as in a new network, so from PyTorch's global generator; it says nothing of motion yet.

    Args:
        network: The network.
        agent: As for :class:`PartNetwork`; what the network has it keeps.
        matching: Likewise.
        appearance: Likewise.

    Returns:
        Another network, on the CPU.
    """
    wanted = {"agent": agent, "matching": matching, "appearance": appearance}
    made = PartNetwork(**{**network.config, **{name: True for name, more in wanted.items() if more}})
    state = made.state_dict()
    for name, value in network.state_dict().items():
        state[name][: len(value)] = value.cpu()  # the first rows of a head's weights are those of motion
    made.load_state_dict(state)
    return made
