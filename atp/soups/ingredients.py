"""Checkpoints of one network, fine-tuned in different ways, read one at a time."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from atp.soups.block_reading import BlockReader, SafetensorsBlocks, StateBlocks

StateDict = dict[str, Tensor]
Source = str | Path | Mapping[str, Tensor]

#: Prefix that DataParallel and DistributedDataParallel put before all names.
WRAPPED = "module."
#: Names under which training scripts keep a state dict in a file.
NESTED = ("state_dict", "model", "model_state_dict")
#: Types of tensors in safetensors files.
DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64,
    "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool,
}  # fmt: skip


class SoupError(ValueError):
    """Checkpoints cannot be mixed; the message names the file and the tensor."""


class SoupWarning(UserWarning):
    """A choice matters that was not made."""


class Ingredients(Sequence[str]):
    """Checkpoints with the same tensors: a sequence of their names.

    Args:
        sources: Files (safetensors, or PyTorch files that hold tensors alone) or state dicts. A prefix ``module.`` of
            all names is taken off.

    Attributes:
        sources: Files or state dicts.
        layout: Shape and dtype by name of the tensor.
        tied: Groups of names that share one tensor.
        mapped: Whether there are PyTorch files among them, which are mapped where others are read.

    Raises:
        SoupError: There is none; a file is missing, damaged or holds more than tensors; or names, shapes or dtypes
            differ. Values are checked where they are read.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        if not sources:
            raise SoupError("there must be at least one ingredient")
        self.sources = [Path(source) if isinstance(source, str) else source for source in sources]
        self._names = [
            str(source) if isinstance(source, Path) else f"ingredient {number}"
            for number, source in enumerate(self.sources)
        ]
        self.mapped = any(
            isinstance(source, Path) and not _is_safetensors(source, name)
            for source, name in zip(self.sources, self._names, strict=True)
        )
        self.layout, self.tied = _describe(self.sources[0], self._names[0])
        for source, name in zip(self.sources[1:], self._names[1:], strict=True):
            layout, tied = _describe(source, name)
            _compare(layout, self.layout, name, self._names[0])
            if tied != self.tied:
                odd = sorted(set(map(tuple, tied)) ^ set(map(tuple, self.tied)))[0]
                warnings.warn(
                    f"{name}: {' and '.join(odd)} share a tensor in only one of this and {self._names[0]}; they are "
                    "mixed apart",
                    SoupWarning,
                    stacklevel=2,
                )
                self.tied = []

    @classmethod
    def of(cls, sources: Ingredients | Sequence[Source]) -> Ingredients:
        """Ingredients as they are, or made of files and state dicts."""
        return sources if isinstance(sources, Ingredients) else cls(sources)

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: Any) -> Any:
        return self._names[index]

    def read(self, index: int) -> Iterator[tuple[str, Tensor]]:
        """Read the tensors of one ingredient one after the other.

        Args:
            index: Which one.

        Yields:
            Name and tensor, on the CPU, in the order of ``layout``. Values are not checked: see :meth:`check`.

        Raises:
            SoupError: The file is damaged.
        """
        yield from _tensors(self.sources[index], self._names[index], list(self.layout))

    @contextmanager
    def blocks(self, indices: Sequence[int]) -> Iterator[list[BlockReader]]:
        """Open some of them, to read one tensor of all at a time. Values are not checked: see :meth:`check`.

        Args:
            indices: Which ones.

        Yields:
            One reader each.

        Raises:
            SoupError: A file is damaged, also while the readers are used.
        """
        with ExitStack() as stack:
            try:
                yield [stack.enter_context(closing(self._reader(index))) for index in indices]
            except OSError as error:
                raise SoupError(f"cannot be read any more: {error}") from error

    def _reader(self, index: int) -> BlockReader:
        source, name = self.sources[index], self._names[index]
        if isinstance(source, Path) and _is_safetensors(source, name):
            with _opened(source, name) as file:
                return SafetensorsBlocks(source, _plain_names(file.keys()))
        return StateBlocks(_state(source, name))

    def check(self, index: int) -> None:
        """Look for values that are not finite. To sum tensors and to look at the sum is faster.

        Raises:
            SoupError: A tensor has NaN or infinite values; the message names the file and the tensor.
        """
        for name, tensor in self.read(index):
            if tensor.is_floating_point() and not torch.isfinite(tensor).all():
                raise SoupError(f"{self._names[index]}: '{name}' has NaN or infinite values")

    def load(self, index: int) -> StateDict:
        """One ingredient as a state dict, a copy.

        Raises:
            SoupError: A tensor has NaN or infinite values, or the file is damaged.
        """
        self.check(index)
        return self.tie({name: tensor.clone() for name, tensor in self.read(index)})

    def some(self, indices: Sequence[int]) -> Ingredients:
        """Some of them."""
        return Ingredients([self.sources[index] for index in indices])

    def beside(self, source: Source) -> Ingredients:
        """Another checkpoint, checked to be of the same network: an initialisation for one.

        Raises:
            SoupError: It is not.
        """
        other = Ingredients([source])
        _compare(other.layout, self.layout, other[0] if isinstance(source, str | Path) else "initial", self[0])
        return other

    def tie(self, state: StateDict) -> StateDict:
        """Let names that share a tensor in the ingredients share one in a state dict, which is changed."""
        for first, *others in self.tied:
            for name in others:
                state[name] = state[first]
        return state


Layout = dict[str, tuple[tuple[int, ...], torch.dtype]]


def _describe(source: Path | Mapping[str, Tensor], name: str) -> tuple[Layout, list[list[str]]]:
    """Shapes and dtypes, and names that share a tensor; the values of a safetensors file are not read."""
    if isinstance(source, Path) and _is_safetensors(source, name):
        layout: Layout = {}
        with _opened(source, name) as file:
            for key, own in _plain_names(file.keys()).items():
                entry = file.get_slice(own)
                if entry.get_dtype() not in DTYPES:
                    raise SoupError(f"{name}: '{key}' is of type {entry.get_dtype()}, which cannot be mixed")
                layout[key] = (tuple(entry.get_shape()), DTYPES[entry.get_dtype()])
        return layout, []
    state = _state(source, name)
    places: dict[tuple[int, int, tuple[int, ...]], list[str]] = {}
    for key, tensor in state.items():
        if tensor.numel():
            place = (tensor.untyped_storage().data_ptr(), int(tensor.storage_offset()), tuple(tensor.shape))
            places.setdefault(place, []).append(key)
    tied = [keys for keys in places.values() if len(keys) > 1]
    return {key: (tuple(tensor.shape), tensor.dtype) for key, tensor in state.items()}, tied


def _tensors(source: Path | Mapping[str, Tensor], name: str, keys: Sequence[str]) -> Iterator[tuple[str, Tensor]]:
    """Name and tensor, in the order of ``keys``."""
    if isinstance(source, Path) and _is_safetensors(source, name):
        with _opened(source, name) as file:
            own = _plain_names(file.keys())
            for key in keys:
                yield key, file.get_tensor(own[key])
        return
    state = _state(source, name)
    for key in keys:
        yield key, state[key].detach().cpu()


def _plain_names(names: Sequence[str]) -> dict[str, str]:
    """Names in a file by names without the prefix that all have."""
    if names and all(name.startswith(WRAPPED) for name in names):
        return {name[len(WRAPPED) :]: name for name in names}
    return {name: name for name in names}


def _is_safetensors(path: Path, name: str) -> bool:
    """Whether a file is safetensors by its content; else it is taken for a PyTorch file."""
    try:
        with path.open("rb") as file:
            return file.read(9)[8:9] == b"{"
    except OSError as error:
        raise SoupError(f"{name}: cannot be read ({error.strerror})") from error


def _opened(path: Path, name: str) -> Any:
    try:
        return safe_open(path, framework="pt", device="cpu")
    except (SafetensorError, OSError) as error:
        raise SoupError(f"{name}: is not a whole safetensors file ({error})") from error


def _state(source: Path | Mapping[str, Tensor], name: str) -> StateDict:
    """A state dict, of a PyTorch file if need be; nothing in the file is run."""
    found: Any = source
    if isinstance(source, Path):
        try:
            found = torch.load(source, map_location="cpu", weights_only=True, mmap=True)
        except pickle.UnpicklingError as error:
            raise SoupError(
                f"{name}: holds more than tensors, or is damaged; refused, nothing in it was run"
            ) from error
        except (RuntimeError, OSError, EOFError, ValueError, KeyError) as error:
            raise SoupError(f"{name}: is neither a safetensors nor a PyTorch file of tensors ({error})") from error
        for key in NESTED:
            if isinstance(found, dict) and isinstance(found.get(key), dict):
                found = found[key]
    if not isinstance(found, Mapping) or not found:
        raise SoupError(f"{name}: is not a state dict with tensors")
    foreign = [key for key, value in found.items() if not isinstance(value, Tensor)]
    if foreign:
        raise SoupError(f"{name}: '{foreign[0]}' is no tensor; give the state dict alone")
    return {key: found[own] for key, own in _plain_names([str(key) for key in found]).items()}


def _compare(layout: Layout, expected: Layout, name: str, first: str) -> None:
    """Raise SoupError at the first difference."""
    missing, foreign = sorted(expected.keys() - layout.keys()), sorted(layout.keys() - expected.keys())
    if missing:
        raise SoupError(f"{name}: lacks '{missing[0]}', which {first} has ({len(missing)} missing)")
    if foreign:
        raise SoupError(f"{name}: has '{foreign[0]}', which {first} lacks ({len(foreign)} more)")
    for key, (shape, dtype) in expected.items():
        if layout[key][0] != shape:
            raise SoupError(f"{name}: '{key}' has shape {layout[key][0]}, in {first} {shape}")
        if layout[key][1] != dtype:
            raise SoupError(f"{name}: '{key}' is {layout[key][1]}, in {first} {dtype}")
