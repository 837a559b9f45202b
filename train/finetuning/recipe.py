"""How one fine-tune is done, and how recipes are drawn for a sweep."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Recipe:
    """Options of one fine-tune.

    Attributes:
        learning_rate: Peak of AdamW; it falls to zero by a cosine.
        weight_decay: Of AdamW.
        epochs: Passes over the examples.
        augmentation: Strength, in 0..1.
        label_smoothing: Share of a target that is spread over all classes.
        mixup: Parameter of the Beta distribution that mixes pairs of examples; 0 mixes none.
        batch_size: Examples in a step.
        seed: Decides the order of examples and all else.
    """

    learning_rate: float
    weight_decay: float = 0.01
    epochs: int = 3
    augmentation: float = 0.0
    label_smoothing: float = 0.0
    mixup: float = 0.0
    batch_size: int = 64
    seed: int = 0


@dataclass(frozen=True)
class SearchSpace:
    """Ranges of a random search (Model soups, app. B): uniform, or log-uniform where it says so.

    Attributes:
        learning_rate: Log-uniform.
        weight_decay: Log-uniform.
        epochs: Whole numbers, both ends included.
        augmentation: Uniform.
        label_smoothing: Uniform.
        mixup: Uniform.
        batch_size: Of all.
    """

    learning_rate: tuple[float, float] = (1e-4, 1e-3)
    weight_decay: tuple[float, float] = (1e-4, 1e-1)
    epochs: tuple[int, int] = (2, 6)
    augmentation: tuple[float, float] = (0.0, 1.0)
    label_smoothing: tuple[float, float] = (0.0, 0.2)
    mixup: tuple[float, float] = (0.0, 0.3)
    batch_size: int = 64

    def draw(self, seed: int, number: int) -> Recipe:
        """Recipe ``number`` of a sweep; it depends on the seed and its number alone."""
        rng = np.random.default_rng([seed, number])
        rate, decay = (math.exp(rng.uniform(*np.log(limits))) for limits in (self.learning_rate, self.weight_decay))
        return Recipe(
            learning_rate=rate,
            weight_decay=decay,
            epochs=int(rng.integers(self.epochs[0], self.epochs[1] + 1)),
            augmentation=float(rng.uniform(*self.augmentation)),
            label_smoothing=float(rng.uniform(*self.label_smoothing)),
            mixup=float(rng.uniform(*self.mixup)),
            batch_size=self.batch_size,
            seed=int(rng.integers(2**31)),
        )
