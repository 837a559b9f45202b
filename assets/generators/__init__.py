"""Procedural articulated objects: one module per category, each a function of a random generator."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from assets.generators.eyeglasses import eyeglasses
from assets.generators.knife import knife
from assets.generators.lighter import lighter
from assets.generators.microwave import microwave
from assets.generators.model import GeneratedObject, Joint, Link, Material, Visual
from assets.generators.multilink import multilink
from assets.generators.pliers import pliers
from assets.generators.scissors import scissors

GENERATORS: dict[str, Callable[[np.random.Generator], GeneratedObject]] = {
    "scissors": scissors,
    "knife": knife,
    "pliers": pliers,
    "microwave": microwave,
    "lighter": lighter,
    "eyeglasses": eyeglasses,
    "multilink": multilink,
}
"""Category -> function that draws one object of it."""

__all__ = ["GENERATORS", "GeneratedObject", "Joint", "Link", "Material", "Visual"]
