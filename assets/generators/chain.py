"""Chains of four and of five bars; three make a multilink."""

from __future__ import annotations

import numpy as np

from assets.generators.category import register_category
from assets.generators.model import GeneratedObject
from assets.generators.multilink import chain_of


@register_category("chain4", split="stress", view="top")
def chain4(rng: np.random.Generator) -> GeneratedObject:
    """Draw a chain of four links; see `chain_of`.

    Args:
        rng: Source of every choice.
    """
    return chain_of(rng, "chain4", 4)


@register_category("chain5", split="stress", view="top")
def chain5(rng: np.random.Generator) -> GeneratedObject:
    """Draw a chain of five links; see `chain_of`.

    Args:
        rng: Source of every choice.
    """
    return chain_of(rng, "chain5", 5)
