"""Articulated objects: generated ones by name, and any object in a URDF folder made ready to simulate."""

from __future__ import annotations

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
