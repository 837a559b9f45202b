"""Which checkpoints are in a folder, each counted once, and what in it is none."""

from __future__ import annotations

import contextlib
import filecmp
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from atp.soups.checkpoints.soup_errors import SoupError

#: Suffixes of checkpoints that are looked for in a folder, whatever their case.
SUFFIXES = (".safetensors", ".pt", ".pth", ".bin", ".ckpt", ".pth.tar")
#: Names under which Hugging Face's libraries keep the weights in a folder, the ones that count first.
OWN_FILES = (
    "adapter_model.safetensors", "adapter_model.bin", "model.safetensors", "pytorch_model.bin",
    "diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin",
)  # fmt: skip
#: Files that trainings keep beside the weights.
NO_WEIGHTS = re.compile(
    r"^(optimizer|scheduler|scaler|training_args|rng_state\w*|random_states\w*|trainer_state|args|hparams)\.|"
    r"_optim_states\.|^(optim|scheduler)[_.-]",
    re.IGNORECASE,
)
#: What fine-tunes began from; it is none of them.
INITIAL = re.compile(r"^(initial|init|base|pretrained|zeroshot|zero-shot)\.", re.IGNORECASE)
#: Names of what libraries copy or link to the best and the last checkpoint of a run.
COPY = re.compile(r"(^|[^a-z])(last|latest|best|final)([^a-z]|$)", re.IGNORECASE)
SHARD = re.compile(r"^(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})(?P<suffix>\.\w+)$")
INDEX = ".index.json"
#: Lists the soups that were written to a folder; they are no ingredients.
REPORT = "soup-report.json"


@dataclass
class Found:
    """What was looked for.

    Attributes:
        paths: Checkpoints: files, and folders that are one.
        left_out: What was not taken, and why.
    """

    paths: list[Path] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def natural_key(path: Path) -> tuple[tuple[int, int, str], ...]:
    """For sorting by name with numbers by their size: ``model_2`` before ``model_10``."""
    parts = re.split(r"(\d+)", path.name.lower())
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts if part)


def suffix_of(path: Path) -> str:
    """The suffix in small letters, with both parts of ``.pth.tar``."""
    return ".pth.tar" if path.name.lower().endswith(".pth.tar") else path.suffix.lower()


def weight_files(folder: Path) -> tuple[list[Path], list[str]] | None:
    """The weights of a folder that is one checkpoint, as Hugging Face's libraries leave it.

    Args:
        folder: The folder.

    Returns:
        Its files, more than one for shards, and what should be said of the choice; None if it is no such folder.

    Raises:
        SoupError: A shard is missing, or the index cannot be read.
    """
    ways: list[tuple[str, list[Path]]] = []
    for name in OWN_FILES:
        if (folder / name).is_file():
            ways.append((name, [folder / name]))
        elif (folder / f"{name}{INDEX}").is_file():
            ways.append((f"{name}{INDEX}", _of_index(folder / f"{name}{INDEX}")))
        elif shards := _shards(folder, name):
            ways.append((f"{len(shards)} shards of {name}", shards))
    if not ways:
        return None
    (taken, files), *others = ways
    notes = [f"{folder}: {taken} counts, {title} beside it does not" for title, _ in others]
    return files, notes


def _of_index(index: Path) -> list[Path]:
    try:
        names = sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SoupError(f"{index}: is no index of shards with a weight_map ({error})") from error
    missing = [name for name in names if Path(name).name != name or not (index.parent / name).is_file()]
    if missing or not names:
        raise SoupError(f"{index}: names {missing[0] if missing else 'no file'}, which is not there; fetch all shards")
    return [index.parent / name for name in names]


def _shards(folder: Path, name: str) -> list[Path]:
    """Shards without an index."""
    stem, _, suffix = name.rpartition(".")
    found = {
        int(match["number"]): path
        for path in folder.glob(f"{stem}-*.{suffix}")
        if (match := SHARD.match(path.name)) and match["stem"] == stem
    }
    if not found:
        return []
    count = int(SHARD.match(next(iter(found.values())).name)["count"])  # type: ignore[index]
    missing = [number for number in range(1, count + 1) if number not in found]
    if missing:
        raise SoupError(f"{folder}: shard {missing[0]} of {count} of {name} is missing; fetch all shards")
    return [found[number] for number in sorted(found)]


def find_checkpoints(paths: Sequence[Path]) -> Found:
    """Files, folders that are one checkpoint, and the checkpoints in other folders, in the natural order of names.

    Args:
        paths: Where to look.

    Raises:
        SoupError: A folder has none, or none that is whole.
    """
    found = Found()
    for path in paths:
        inside = list(_inside(path, found.left_out)) if path.is_dir() else [path]
        if not inside:
            hint = f"; left out: {'; '.join(found.left_out)}" if found.left_out else ""
            raise SoupError(f"{path}: has no checkpoints ({', '.join(SUFFIXES)}){hint}")
        found.paths += inside
    found.paths = _once(found.paths, found.left_out)
    return found


def _inside(folder: Path, left_out: list[str]) -> Iterator[Path]:
    own = weight_files(folder)
    if own is not None:
        left_out += own[1]
        below = [each.name for each in _sorted(folder) if each.is_dir() and weight_files(each) is not None]
        if below:
            left_out.append(f"{folder}: is one checkpoint; those in it are others: give {folder}/{below[0]} by name")
        yield folder
        return
    written = earlier_soups(folder)
    taken: dict[str, Path] = {}
    for path in _sorted(folder):
        why = _why_not(path, written)
        if why is None and path.is_file():
            stem = path.name[: -len(suffix_of(path))]
            if stem in taken and suffix_of(taken[stem]) != suffix_of(path):
                why = f"{taken[stem].name} is the same in another format"
            taken.setdefault(stem, path)
        if why is None:
            if path.is_dir():
                left_out += weight_files(path)[1]  # type: ignore[index]
            yield path
        elif why:
            left_out.append(f"{path}: {why}")


def _sorted(folder: Path) -> list[Path]:
    """By name, and safetensors before other formats of one name."""
    return sorted(folder.iterdir(), key=lambda path: (natural_key(path.with_suffix("")), suffix_of(path) != SUFFIXES[0],
                                                      natural_key(path)))  # fmt: skip


def _why_not(path: Path, written: set[str]) -> str | None:
    """Why something in a folder is no ingredient: None if it is one, empty where nothing need be said."""
    if path.name.startswith("."):
        return ""
    if path.is_dir():
        if weight_files(path) is None:
            return ""
    elif suffix_of(path) not in SUFFIXES:
        return ""
    elif NO_WEIGHTS.search(path.name):
        return "belongs to the training"
    elif INITIAL.search(path.name):
        return "is what the others began from (--initial takes it)"
    return "is an earlier soup" if path.name in written else None


def earlier_soups(folder: Path) -> set[str]:
    """Names of soups that earlier runs wrote to a folder."""
    names: set[str] = set()
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        names |= {str(name) for name in json.loads((folder / REPORT).read_text("utf-8"))["written"]}
    try:
        rows = json.loads((folder / "soup.json").read_text("utf-8"))["rows"]
        names |= {f"{str(row['way']).replace(' ', '-').lower()}.safetensors" for row in rows}
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return names


def _once(paths: list[Path], left_out: list[str]) -> list[Path]:
    """Each checkpoint once: links to one file are one, and so are copies that libraries call ``last`` or ``best``."""
    kept: list[Path] = []
    for path in paths:
        twin = next((other for other in kept if _same(path, other)), None)
        if twin is None:
            kept.append(path)
        elif COPY.search(path.name) or COPY.search(twin.name) or not path.exists() or path.samefile(twin):
            left_out.append(f"{path}: is the same as {twin}, and counts once")
        else:
            kept.append(path)
            left_out.append(f"{path}: holds the same as {twin}, and both count; leave one out if it is a copy")
    return kept


def _same(path: Path, other: Path) -> bool:
    if not path.exists() or not other.exists():
        return path == other
    if path.samefile(other):
        return True
    if path.is_dir() or other.is_dir():
        mine, theirs = (weight_files(each) if each.is_dir() else None for each in (path, other))
        return bool(mine and theirs and len(mine[0]) == len(theirs[0])) and all(
            filecmp.cmp(a, b, shallow=False)
            for a, b in zip(mine[0], theirs[0], strict=True)  # type: ignore[index]
        )
    return path.stat().st_size == other.stat().st_size and filecmp.cmp(path, other, shallow=False)
