"""Objects by name: which categories and splits there are, and the folder of each instance."""

from __future__ import annotations

import hashlib
import inspect
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from assets import partnet
from assets.cache import cache_root
from assets.conventions import ViewChoice
from assets.files import atomic_folder
from assets.found import collection
from assets.found.collection import FOUND_SPLITS
from assets.found.found_object import TRAINING
from assets.generators import CATEGORY_REGISTRY, GeneratedObject
from assets.partnet import PARTNET_SPLITS
from assets.writer import write_partnet_folder

VERSION = 5
"""Number in the cache path. Raise it when the output of a generator of this package changes."""

TRAIN_CATEGORIES = tuple(name for name, category in CATEGORY_REGISTRY.items() if category.split == "train")
TEST_CATEGORIES = tuple(name for name, category in CATEGORY_REGISTRY.items() if category.split == "test")
STRESS_CATEGORIES = tuple(name for name, category in CATEGORY_REGISTRY.items() if category.split == "stress")
MIX_CATEGORIES = tuple(name for name, category in CATEGORY_REGISTRY.items() if category.split == "mix")
CATEGORIES = TRAIN_CATEGORIES + TEST_CATEGORIES + STRESS_CATEGORIES
"""The categories of the benchmark; `split_categories` has those of other modules too, once they are imported."""
SPLITS = ("train", "val", "test", "stress", "mix")
"""train: training categories, instances for training. val: the same categories, instances never trained on.
test: categories never trained on. stress: further ones, harder or of other kinds: slides, more links.
mix: categories to train on beyond the paper's four, with the instances of train and of found-train where it is made."""
ALL_SPLITS = SPLITS + PARTNET_SPLITS + FOUND_SPLITS
"""Those of objects that others made too."""

TRAIN_SIZE = 200
TEST_SIZE = 50


@dataclass(frozen=True, order=True)
class Instance:
    """The name of one object: a generated one, one of PartNet-Mobility, or a found one.

    Attributes:
        category: One of ``split_categories(split)``.
        index: From 0 to ``split_size(split) - 1``; the id of an object of PartNet-Mobility; the number of a found one
            in its category.
        split: One of ``ALL_SPLITS``.
        seed: Seed of the whole collection; without meaning for objects that others made.
    """

    category: str
    index: int
    split: str
    seed: int = 0

    @property
    def name(self) -> str:
        """A short unique name such as ``scissors-train-0-017`` (category, split, seed, index)."""
        return f"{self.category}-{self.split}-{self.seed}-{self.index:03d}"

    def folder(self) -> Path:
        """Return the object's folder; see `instance_folder`."""
        return instance_folder(self.category, self.index, self.split, self.seed)


def split_categories(split: str) -> tuple[str, ...]:
    """Return the categories of a split; of PartNet-Mobility those that the download has.

    Args:
        split: One of ``ALL_SPLITS``.

    Raises:
        ValueError: There is no such split, no download of PartNet-Mobility, or the found objects have not been made;
            the message says what to do.
    """
    if split in PARTNET_SPLITS:
        return partnet.held_categories(split)
    if split in FOUND_SPLITS:
        return tuple(collection.members(split))
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}: choose one of {', '.join(ALL_SPLITS)}")
    if split == "mix":
        return tuple(dict.fromkeys(instance.category for instance in instances(split)))
    return _generated_categories(split)


def _generated_categories(split: str) -> tuple[str, ...]:
    """The categories whose objects in a split are generated for it: of the mix not those of train."""
    if split not in SPLITS:
        return split_categories(split)
    group = "train" if split == "val" else split
    return tuple(name for name, category in CATEGORY_REGISTRY.items() if category.split == group)


def _mix_parts() -> tuple[str, ...]:
    """The splits whose instances are trained on together."""
    return ("train", "mix", TRAINING) if collection.is_built() else ("train", "mix")


def canonical_category(name: str) -> str:
    """Return the name of a category by which instances are called.

    Args:
        name: Such a name, which is returned as it is, or ``module:name``, whose module is imported.

    Raises:
        ValueError: There is no such module, or it registers no such category.
    """
    if ":" not in name:
        return name
    category = CATEGORY_REGISTRY.get(name).name
    if category not in CATEGORY_REGISTRY:
        raise ValueError(f"category {name!r} is not registered: decorate its function with @register_category")
    return category


def outside_modules() -> tuple[str, ...]:
    """Modules beyond this package that registered categories: a process that imports them has the same categories."""
    return tuple(name for name in CATEGORY_REGISTRY.modules if name.partition(".")[0] != __name__.partition(".")[0])


def split_size(split: str) -> int:
    """Return how many instances of each category a split of generated objects has.

    Args:
        split: One of ``SPLITS``.

    Raises:
        ValueError: There is no such split.
    """
    if split not in SPLITS:
        raise ValueError(f"no split of generated objects is called {split!r}: choose one of {', '.join(SPLITS)}")
    return TRAIN_SIZE if split in ("train", "mix") else TEST_SIZE


def instances(split: str, category: str | None = None, seed: int = 0) -> list[Instance]:
    """List the instances of a split, without generating any; of PartNet-Mobility those that can be used.

    Those of ``mix`` carry the split that each is from.

    Args:
        split: One of ``ALL_SPLITS``.
        category: Only this category (one from elsewhere may be named ``module:name``), or None for every one.
        seed: Seed of the collection.

    Raises:
        ValueError: There is no such split, the category is not in it, there is no download of PartNet-Mobility
            (see `assets.partnet.usable_ids`), or the found objects have not been made.
    """
    if split in PARTNET_SPLITS:
        return [Instance(name, number, split, seed) for name, number in partnet.usable_ids(split, category)]
    wanted = None if category is None else canonical_category(category)
    listed = [instance for part in (_mix_parts() if split == "mix" else (split,)) for instance in _listed(part, seed)]
    found = [instance for instance in listed if wanted in (None, instance.category)]
    if not found and wanted and split in FOUND_SPLITS:
        collection.instance_folder(wanted, 0, split)  # says why not
    if not found or found[0].split in SPLITS:
        _check(found[0] if found else Instance(wanted or "", 0, split, seed))
    return found


def _listed(split: str, seed: int) -> list[Instance]:
    """The instances of one split, generated or found."""
    if split in FOUND_SPLITS:
        held = collection.members(split)
        return [Instance(name, index, split, seed) for name, numbered in held.items() for index in numbered]
    return [
        Instance(name, index, split, seed)
        for name in _generated_categories(split)
        for index in range(split_size(split))
    ]


def generate(instance: Instance) -> GeneratedObject:
    """Make an instance's object in memory; the same instance always gives the same object.

    Args:
        instance: Which one.

    Raises:
        ValueError: There is no such instance; the message names the choices. Or the category's function calls its
            objects by another name.
    """
    _check(instance)
    obj = CATEGORY_REGISTRY.get(instance.category).draw(np.random.default_rng(_entropy(instance)))
    if obj.category != instance.category:
        raise ValueError(f"category {instance.category!r} draws objects that say they are of {obj.category!r}")
    return obj


def instance_folder(category: str, index: int, split: str = "train", seed: int = 0) -> Path:
    """Return the folder of an instance in the layout of PartNet-Mobility, generating it on first use.

    The folder of a generated object lies in the cache (see `assets.cache.cache_root`) and appears there whole,
    by one rename, so several processes may ask for it at once.

    Args:
        category: A category, or ``module:name`` of one from elsewhere.
        index: From 0 to ``split_size(split) - 1``; the id of an object of PartNet-Mobility; the number of a found one.
        split: A split that has the category.
        seed: Seed of the collection.

    Raises:
        ValueError: There is no such instance; the message names the choices, or what is broken in it.
        OSError: The cache cannot be written, or a broken folder stands in the way.
    """
    if split in PARTNET_SPLITS:
        return partnet.instance_folder(category, index, split)
    if split in FOUND_SPLITS:
        return collection.instance_folder(category, index, split)
    instance = Instance(canonical_category(category), index, split, seed)
    _check(instance)
    folder = cache_root() / "generated" / _edition(instance.category) / instance.name
    if (folder / "meta.json").is_file():
        return folder
    meta: dict[str, str | int | float] = {"index": index, "split": split, "seed": seed, "generator_version": VERSION}
    with atomic_folder(folder, _whole) as stage:
        write_partnet_folder(generate(instance), stage, meta)
    return folder


def instance_view(instance: Instance) -> ViewChoice:
    """From where to look at an instance unless something else is asked for; see `assets.importing.views.viewing`."""
    generated = instance.split in SPLITS  # a microwave that others made is none of the benchmark's
    return CATEGORY_REGISTRY.get(instance.category).view if generated else "auto"


def _whole(folder: Path) -> bool:
    """Whether an object's folder is whole, which one that another process has just made is.

    Raises:
        OSError: It is not.
    """
    if not (folder / "meta.json").is_file():
        raise OSError(f"{folder}: is not a whole object and is in the way; delete it")
    return True


def _entropy(instance: Instance) -> np.random.SeedSequence:
    """Return a seed that every field of the instance changes, the same on every machine."""
    digest = hashlib.sha256(f"{instance.category}/{instance.split}".encode()).digest()
    words = [int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4)]
    return np.random.SeedSequence([*words, instance.seed, instance.index])


def _edition(category: str) -> str:
    """Return the folder of the cache for objects of a category as its generator makes them now.

    A module from elsewhere has no number to raise: its file's contents stand for it.
    """
    draw = CATEGORY_REGISTRY.get(category).draw
    if draw.__module__.partition(".")[0] == __name__.partition(".")[0]:
        return f"v{VERSION}"
    file = inspect.getsourcefile(draw)
    digest = hashlib.sha256(Path(file).read_bytes() if file else draw.__module__.encode()).hexdigest()
    return f"v{VERSION}-{digest[:12]}"


def _check(instance: Instance) -> None:
    """Raise a ValueError that names the choices if there is no such instance."""
    CATEGORY_REGISTRY.get(instance.category)
    held = _generated_categories(instance.split)
    if instance.category not in held:
        splits = [split for split in SPLITS if instance.category in _generated_categories(split)]
        raise ValueError(
            f"split {instance.split!r} has the categories {', '.join(held)}, not {instance.category!r}: "
            f"choose one of those, or split {' or '.join(splits)}"
        )
    size = split_size(instance.split)
    if not 0 <= instance.index < size:
        raise ValueError(
            f"no instance {instance.index} of {instance.category} in split {instance.split!r}: choose 0 to {size - 1}"
        )
    if instance.seed < 0:
        raise ValueError(f"the seed of a collection must be 0 or more, not {instance.seed}")
