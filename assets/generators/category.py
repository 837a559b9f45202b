"""What a category of generated objects is, and how a module adds one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from assets.conventions import ViewChoice
from assets.generators.model import GeneratedObject
from assets.registry import Registry

Draw = Callable[[np.random.Generator], GeneratedObject]
Group = Literal["train", "test", "stress", "mix"]


@dataclass(frozen=True)
class Category:
    """Objects of one kind.

    Attributes:
        name: Its name; `GeneratedObject.category` says the same.
        split: Where its objects belong. ``"train"``: training and, other instances, validation. ``"mix"``: training
            beyond the paper's four categories.
        draw: Draws one object. Every choice comes from the generator that it is given.
        view: From where its objects are looked at; ``"top"``: as the benchmark does.
    """

    name: str
    split: Group
    draw: Draw
    view: ViewChoice = "auto"


CATEGORY_REGISTRY: Registry[Category] = Registry("category", Category)
"""Every category that this process knows, in the order in which they were registered."""


def register_category(name: str, *, split: Group, view: ViewChoice = "auto") -> Callable[[Draw], Draw]:
    """Make a decorator that registers a function as a category and returns it unchanged.

    Args:
        name: The category's name. With the split it is hashed into the seed of every object: another name gives other
            objects, so it never changes.
        split: See `Category.split`.
        view: See `Category.view`.

    Raises:
        ValueError: There is no such split, or the name is taken.
    """
    if split not in get_args(Group):
        raise ValueError(f"category {name!r}: split must be one of {', '.join(get_args(Group))}, not {split!r}")

    def decorate(draw: Draw) -> Draw:
        CATEGORY_REGISTRY.add(name, Category(name, split, draw, view), module=draw.__module__)
        return draw

    return decorate
