"""Chains of four and of five bars; three make a multilink."""

from __future__ import annotations

import numpy as np

from assets.generators.model import GeneratedObject
from assets.generators.multilink import chain_of


def chain4(rng: np.random.Generator) -> GeneratedObject:
    """Draw a chain of four links; see `chain_of`.

    Args:
        rng: Source of every choice.
    """
    return chain_of(rng, "chain4", 4)


def chain5(rng: np.random.Generator) -> GeneratedObject:
    """Draw a chain of five links; see `chain_of`.

    Args:
        rng: Source of every choice.
    """
    return chain_of(rng, "chain5", 5)
