"""Procedural articulated objects: one module per category, each a function of a random generator."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from assets.generators.chain import chain4, chain5
from assets.generators.double_door import double_door
from assets.generators.drawers import drawers
from assets.generators.eyeglasses import eyeglasses
from assets.generators.knife import knife
from assets.generators.laptop import laptop
from assets.generators.lighter import lighter
from assets.generators.microwave import microwave
from assets.generators.model import GeneratedObject, Joint, Link, Material, Visual
from assets.generators.multilink import multilink
from assets.generators.pliers import pliers
from assets.generators.safe import safe
from assets.generators.scissors import scissors
from assets.generators.usb import usb

GENERATORS: dict[str, Callable[[np.random.Generator], GeneratedObject]] = {
    "scissors": scissors,
    "knife": knife,
    "usb": usb,
    "safe": safe,
    "pliers": pliers,
    "microwave": microwave,
    "lighter": lighter,
    "eyeglasses": eyeglasses,
    "multilink": multilink,
    "drawers": drawers,
    "laptop": laptop,
    "double_door": double_door,
    "chain4": chain4,
    "chain5": chain5,
}
"""Category -> function that draws one object of it."""

__all__ = ["GENERATORS", "GeneratedObject", "Joint", "Link", "Material", "Visual"]
