"""Objects of scene-synthesizer (NVIDIA, Apache-2.0), which makes kitchen furniture and appliances procedurally.

Its Python package is the extra ``found``. An object is exported as URDF, read again, and given surfaces of our own,
for it comes in plain grey.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from assets.found.dressing import dressed
from assets.found.found_object import TRAINING, VALIDATION, FoundObject, Offer, SourceMissing, allowed_split
from assets.writer import write_partnet_folder

PACKAGE = "scene_synthesizer"
INSTALL = "pip install scene-synthesizer"
LICENCE, AUTHOR = "Apache-2.0", "NVIDIA Corporation"

Generator = np.random.Generator
Sizes = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """One of the package's procedural objects.

    Attributes:
        category: Its name here.
        asset: Its class in ``scene_synthesizer.procedural_assets``.
        draw: Draws the class's arguments; the last argument is a folder for its temporary meshes.
        train: Objects to train on.
        val: Objects to validate with.
        turn: Degrees about the vertical that bring its front to -y.
    """

    category: str
    asset: str
    draw: Callable[[Generator, str], Sizes]
    train: int
    val: int
    turn: float = 0.0


def _handle(rng: Generator, temporary: str) -> Sizes:
    """Shape of a bent handle."""
    return {
        "straight_ratio": rng.uniform(0.3, 0.9),
        "curvature_ratio": rng.uniform(0.0, 1.5),
        "num_segments_curvature": int(rng.integers(6, 14)),
        "num_segments_cross_section": int(rng.integers(5, 12)),
        "aspect_ratio_cross_section": rng.uniform(0.3, 1.3),
        "tmp_mesh_dir": temporary,
    }


def _panel(rng: Generator, temporary: str) -> Sizes:
    """Shape of a door with a frame."""
    return {
        "inner_depth_ratio": rng.uniform(0.0, 1.0),
        "outer_depth_ratio": rng.uniform(0.0, 1.0),
        "trim_depth_ratio": rng.uniform(0.0, 1.0),
        "trim_width_ratio": rng.uniform(0.0, 1.0),
        "trim_outer_offset_ratio": rng.uniform(0.0, 1.0),
        "knot_0": rng.uniform(0.0, 0.4),
        "knot_1": rng.uniform(0.4, 0.6),
        "knot_2": rng.uniform(0.6, 0.8),
        "knot_3": rng.uniform(0.8, 1.0),
        "num_depth_sections": int(rng.integers(8, 16)),
        "tmp_mesh_dir": temporary,
    }


def _box(rng: Generator, width: tuple[float, float], depth: tuple[float, float], height: tuple[float, float]) -> Sizes:
    return {"width": rng.uniform(*width), "depth": rng.uniform(*depth), "height": rng.uniform(*height)}


def _handles(rng: Generator, temporary: str) -> Sizes:
    """Handles and doors of a cabinet; handles are large, so that they are seen in a small image."""
    plain = rng.random() < 0.35
    return {
        "handle_width": rng.uniform(0.12, 0.26),
        "handle_height": rng.uniform(0.04, 0.08),
        "handle_depth": rng.uniform(0.025, 0.06),
        "handle_shape_args": None if plain else _handle(rng, temporary),
        "door_shape_args": None if rng.random() < 0.35 else _panel(rng, temporary),
    }


def _base_cabinet(rng: Generator, temporary: str) -> Sizes:
    sizes = _box(rng, (0.45, 1.1), (0.45, 0.8), (0.7, 1.05))
    doors = int(rng.choice([0, 1, 2])) if sizes["width"] > 0.6 else int(rng.integers(0, 2))
    sides = ["door_left"] * doors if doors < 2 else ["door_right", "door_left"]
    if doors == 1 and rng.random() < 0.5:
        sides = ["door_right"]
    rows = int(rng.integers(1, 4)) if not doors else int(rng.integers(0, 3))
    return {
        **sizes,
        **_handles(rng, temporary),
        "lower_compartment_types": tuple(sides),
        "num_drawers_vertical": rows,
        "num_drawers_horizontal": int(rng.integers(1, 3)) if sizes["width"] > 0.7 else 1,
        "num_shelves": int(rng.integers(1, 3)),
    }


def _wall_cabinet(rng: Generator, temporary: str) -> Sizes:
    sizes = _box(rng, (0.4, 1.0), (0.28, 0.45), (0.5, 0.95))
    sides: tuple[str, ...] = ("door_right", "door_left")
    if sizes["width"] < 0.65 and rng.random() < 0.7:
        sides = (str(rng.choice(["door_right", "door_left"])),)
    more = {"compartment_types": sides, "num_shelves": int(rng.integers(1, 4))}
    return {**sizes, **_handles(rng, temporary), **more, "handle_offset": None}


def _sink_cabinet(rng: Generator, temporary: str) -> Sizes:
    sizes = _box(rng, (0.6, 1.0), (0.55, 0.8), (0.75, 1.0))
    sink = {
        "sink_width": 0.7 * sizes["width"],
        "sink_depth": 0.65 * sizes["depth"],
        "sink_height": 0.2 * sizes["height"],
        "sink_offset": (0.0, 0.06 - 0.175 * sizes["depth"]),
        "sink_tmp_mesh_dir": temporary,
    }
    return {**sizes, **sink, **_handles(rng, temporary)}


def _parted_cabinet(rng: Generator, temporary: str) -> Sizes:
    sizes = _box(rng, (0.5, 1.3), (0.35, 0.6), (0.5, 1.5))
    given = _handles(rng, temporary)
    del given["door_shape_args"]
    shape = given.pop("handle_shape_args")
    kind = "procedural" if shape else "box"
    more: Sizes = {"split_decay": rng.uniform(0.35, 0.65), "seed": int(rng.integers(2**31)), "handle_types": [kind]}
    return {**sizes, **given, **more, "handle_shape_args": shape}


def _refrigerator(rng: Generator, temporary: str) -> Sizes:
    sizes = _box(rng, (0.55, 0.95), (0.55, 0.85), (1.1, 1.9))
    freezer = sizes["height"] * rng.uniform(0.22, 0.4) if rng.random() < 0.7 else 0.0
    return {
        **sizes,
        "freezer_compartment_height": freezer,
        "num_shelves": int(rng.integers(2, 5)),
        "num_door_shelves": int(rng.integers(1, 4)),
        "handle_left": bool(rng.random() < 0.5),
        "handle_vertical": bool(rng.random() < 0.7),
        "handle_length": rng.uniform(0.2, 0.35),
        "handle_thickness": rng.uniform(0.04, 0.08),
        "handle_shape_args": _handle(rng, temporary),
        "door_shape_args": {
            "straight_ratio": rng.uniform(0.8, 0.95),
            "curvature_ratio": rng.uniform(0.6, 1.0),
            "num_segments": 9,
            "tmp_mesh_dir": temporary,
        },
    }


def _range(rng: Generator, temporary: str) -> Sizes:
    sizes = _box(rng, (0.55, 0.95), (0.6, 0.8), (0.8, 1.0))
    storage = rng.uniform(0.15, 0.28)
    return {
        **sizes,
        "control_panel_height": 0.1,
        "storage_height": storage,
        "oven_height": sizes["height"] - 0.1 - storage - 0.01,
        "handle_length": sizes["width"] * rng.uniform(0.5, 0.95),
        "handle_thickness": rng.uniform(0.03, 0.06),
        "handle_depth": rng.uniform(0.03, 0.07),
        "handle_shape_args": _handle(rng, temporary),
    }


def _dishwasher(rng: Generator, temporary: str) -> Sizes:
    sizes = _box(rng, (0.5, 0.8), (0.6, 0.8), (0.75, 1.0))
    return {
        **sizes,
        "basket_wire_mesh_gap": rng.uniform(0.06, 0.09),
        "handle_length": sizes["width"] * rng.uniform(0.5, 0.95),
        "handle_shape_args": _handle(rng, temporary),
    }


def _microwave(rng: Generator, temporary: str) -> Sizes:
    sizes = _box(rng, (0.45, 0.65), (0.3, 0.45), (0.26, 0.4))
    panel = sizes["width"] * rng.uniform(0.15, 0.28)
    return {**sizes, "display_panel_width": panel, "handle_left": bool(rng.random() < 0.3), "tmp_mesh_dir": temporary}


def _island(rng: Generator, temporary: str) -> Sizes:
    sizes = _box(rng, (1.0, 1.4), (0.55, 0.75), (0.8, 1.0))
    return {**sizes, **_handles(rng, temporary), "handle_offset": (rng.uniform(0.1, 0.18), 0.05)}


def _machine(rng: Generator, temporary: str) -> Sizes:
    sizes = _box(rng, (4.8, 5.8), (2.6, 3.4), (2.1, 2.6))
    return {**sizes, "handle_shape_args": _handle(rng, temporary), "window_size": rng.uniform(0.3, 0.7)}


def _lever(rng: Generator) -> Sizes:
    length = rng.uniform(0.12, 0.3)
    return {
        "lever_length": length,
        "lever_width": length * rng.uniform(0.18, 0.35),
        "lever_depth": length * rng.uniform(0.12, 0.3),
        "lever": str(rng.choice(["box", "cylinder"])),
        "tip": str(rng.choice(["sphere", "cylinder"])),
        "tip_size": length * rng.uniform(0.15, 0.3),
        "tip_width": length * rng.uniform(0.2, 0.4),
    }


def _lever_switch(rng: Generator, temporary: str) -> Sizes:
    lever = _lever(rng)
    extents = lever["lever_length"] * rng.uniform(0.7, 1.3, 3)
    return {**lever, "base": True, "base_extents": tuple(float(side) for side in extents)}


def _safety_switch(rng: Generator, temporary: str) -> Sizes:
    lever = _lever(rng)
    length = lever["lever_length"]
    return {
        **lever,
        "fuse_box_width": length * rng.uniform(0.9, 1.5),
        "fuse_box_depth": length * rng.uniform(0.5, 0.9),
        "fuse_box_height": length * rng.uniform(1.4, 2.2),
        "lever_right_of_box": bool(rng.random() < 0.5),
        "tmp_mesh_dir": temporary,
    }


KINDS = (
    Kind("base_cabinet", "BaseCabinetAsset", _base_cabinet, 32, 4),
    Kind("cabinet", "RecursivelyPartitionedCabinetAsset", _parted_cabinet, 32, 4, 180.0),
    Kind("wall_cabinet", "WallCabinetAsset", _wall_cabinet, 26, 4),
    Kind("sink_cabinet", "SinkCabinetAsset", _sink_cabinet, 26, 4),
    Kind("refrigerator", "RefrigeratorAsset", _refrigerator, 30, 4),
    Kind("range", "RangeAsset", _range, 30, 4),
    Kind("safety_switch", "SafetySwitchAsset", _safety_switch, 25, 4, 90.0),
    Kind("lever_switch", "LeverSwitchAsset", _lever_switch, 20, 4),
    Kind("dishwasher", "DishwasherAsset", _dishwasher, 0, 8),
    Kind("kitchen_island", "KitchenIslandAsset", _island, 0, 6),
    Kind("milling_machine", "CNCMachineAsset", _machine, 0, 4, 180.0),
    Kind("microwave", "MicrowaveAsset", _microwave, 0, 8),
)
"""Those for validation alone are kinds that nothing is trained on."""


def offer(seed: int) -> Offer:
    """The objects of every kind.

    Args:
        seed: Of the set; decides shapes and surfaces.

    Raises:
        SourceMissing: The package is not installed.
    """
    try:
        importlib.import_module(PACKAGE)
    except ImportError as error:
        raise SourceMissing(f"scene-synthesizer is not installed ({error}): {INSTALL}") from error
    source = f"scene-synthesizer {importlib.metadata.version(PACKAGE)}"
    objects = []
    for kind in KINDS:
        for split, count in ((TRAINING, kind.train), (VALIDATION, kind.val)):
            for index in range(count):
                words = hashlib.sha256(f"{kind.category}/{split}/{index}".encode()).digest()[:8]
                entropy = [int.from_bytes(words, "little"), seed]
                objects.append(
                    FoundObject(
                        f"{kind.category}-{'train' if split == TRAINING else 'val'}-{index:03d}",
                        kind.category,
                        allowed_split(kind.category, split),
                        source,
                        LICENCE,
                        AUTHOR,
                        partial(_write, kind, entropy),
                    )
                )
    return Offer(tuple(objects))


def _write(kind: Kind, entropy: list[int], folder: Path) -> None:
    """Make an object and write its folder."""
    rng = np.random.default_rng(np.random.SeedSequence(entropy))
    package: Any = importlib.import_module(PACKAGE)
    assets: Any = importlib.import_module(f"{PACKAGE}.procedural_assets")
    with tempfile.TemporaryDirectory() as temporary:
        asset = getattr(assets, kind.asset)(**kind.draw(rng, temporary))
        scene = package.Scene(seed=int(rng.integers(2**31)))
        scene.add_object(asset, "object")
        urdf = Path(temporary) / "export" / "object.urdf"
        urdf.parent.mkdir()
        scene.export(str(urdf))
        write_partnet_folder(dressed(urdf, kind.category, rng, math.radians(kind.turn)), folder)
