"""Articulated objects: generated ones by name, and any object in a URDF folder made ready to simulate."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assets.catalog import (
        ALL_SPLITS,
        CATEGORIES,
        MIX_CATEGORIES,
        SPLITS,
        STRESS_CATEGORIES,
        TEST_CATEGORIES,
        TRAIN_CATEGORIES,
        Instance,
        instance_folder,
        instances,
        split_categories,
        split_size,
    )
    from assets.importing.prepare import ObjectError, PartJoint, PreparedObject, prepare
    from assets.partnet import PARTNET_SPLITS

__all__ = [
    "ALL_SPLITS",
    "CATEGORIES",
    "MIX_CATEGORIES",
    "PARTNET_SPLITS",
    "SPLITS",
    "STRESS_CATEGORIES",
    "TEST_CATEGORIES",
    "TRAIN_CATEGORIES",
    "Instance",
    "ObjectError",
    "PartJoint",
    "PreparedObject",
    "instance_folder",
    "instances",
    "prepare",
    "split_categories",
    "split_size",
]

#: Where what is not of the catalogue stands.
_ELSEWHERE = {
    "ObjectError": "assets.importing.prepare",
    "PartJoint": "assets.importing.prepare",
    "PreparedObject": "assets.importing.prepare",
    "prepare": "assets.importing.prepare",
    "PARTNET_SPLITS": "assets.partnet",
}


def __getattr__(name: str) -> Any:
    """Load what reads and makes objects (trimesh, SciPy) when it is first asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_ELSEWHERE.get(name, "assets.catalog")), name)
