"""Checkpoints of one network, fine-tuned in different ways, read one at a time."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from atp.soups.checkpoints.block_reading import BlockReader, Buffer
from atp.soups.checkpoints.low_rank import without_ranks
from atp.soups.checkpoints.opening import open_checkpoint
from atp.soups.checkpoints.shared_tensors import same_tensor, tie_between
from atp.soups.checkpoints.soup_errors import SoupError, SoupWarning
from atp.soups.checkpoints.stored import Layout, ReadOptions, StoredCheckpoint

__all__ = ["Ingredients", "SoupError", "SoupWarning", "Source", "StateDict"]

StateDict = dict[str, Tensor]
Source = str | Path | Mapping[str, Tensor]


class Ingredients(Sequence[str]):
    """Checkpoints with the same tensors: a sequence of their names.

    Args:
        sources: Files (safetensors, or PyTorch files as trainings leave them), folders that are one checkpoint (Hugging
            Face, also sharded; PEFT), or state dicts. What DataParallel, ``torch.compile`` and FSDP put into names is
            taken out.
        dtype: Of floating-point tensors of what is mixed; None keeps theirs, which must agree.
        options: How they are read.

    Attributes:
        sources: Files, folders or state dicts.
        checkpoints: What is known of each.
        layout: Shape and dtype by name of the tensor, as they are mixed.
        ties: Names that share a tensor with another: that one's, and the order of its axes.
        whole: Whether some are held in memory as a whole while they are read, and so are read one at a time.

    Raises:
        SoupError: There is none; one is missing, damaged or holds more than tensors; or names, shapes or dtypes
            differ. Values are checked where they are read.
    """

    def __init__(
        self, sources: Sequence[Source], dtype: torch.dtype | None = None, options: ReadOptions | None = None
    ) -> None:
        if not sources:
            raise SoupError("there must be at least one ingredient")
        self._options, self._dtype = options or ReadOptions(), dtype
        paths = [Path(source) if isinstance(source, str) else source for source in sources]
        names = [str(source) if isinstance(source, Path) else f"ingredient {n}" for n, source in enumerate(paths)]
        opened = [open_checkpoint(source, name, self._options) for source, name in zip(paths, names, strict=True)]
        self._set(paths, opened)

    def _set(
        self, sources: Sequence[Path | Mapping[str, Tensor]], opened: Sequence[StoredCheckpoint], first: int = 0
    ) -> None:
        """Take checkpoints that are compared with one of them."""
        self.sources, self.checkpoints = list(sources), list(opened)
        self._names = [checkpoint.name for checkpoint in self.checkpoints]
        self.layout = _with_dtype(self.checkpoints[first].layout, self._dtype)
        self.ties = dict(self.checkpoints[first].ties)
        self.whole = any(each.whole for each in self.checkpoints)
        self._own: list[dict[str, str]] = []
        for checkpoint in self.checkpoints:
            self._own.append(_matched(checkpoint, self.checkpoints[first], self._dtype))
            self._compare_ties(checkpoint, self.checkpoints[first])

    def _compare_ties(self, checkpoint: StoredCheckpoint, first: StoredCheckpoint) -> None:
        """Mix apart what is one tensor in some and two in others."""
        for mine, theirs in ((first, checkpoint), (checkpoint, first)):
            for name, (root, axes) in mine.ties.items():
                there = name in theirs.layout and root in theirs.layout
                if there and tie_between(theirs.ties, root, name) != axes:
                    warnings.warn(
                        f"{checkpoint.name}: {root} and {name} share a tensor in only one of this and {first.name}; "
                        "they are mixed apart",
                        SoupWarning,
                        stacklevel=5,
                    )
                    if mine is first:
                        self.ties.pop(name, None)

    @classmethod
    def of(cls, sources: Ingredients | Sequence[Source]) -> Ingredients:
        """Ingredients as they are, or made of files and state dicts."""
        return sources if isinstance(sources, Ingredients) else cls(sources)

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: Any) -> Any:
        return self._names[index]

    @property
    def adapters(self) -> list[Mapping[str, Any]]:
        """Configurations of the ingredients where they are low-rank adapters; empty for networks."""
        return [each.form.adapter for each in self.checkpoints if each.form.adapter is not None]

    def refuse_adapters(self, method: str) -> None:
        """Refuse low-rank adapters.

        Raises:
            SoupError: They are such.
        """
        if self.adapters:
            raise SoupError(
                f"{self[0]}: is an adapter: {method} is not made of adapters. Merge them into the base first "
                "(merge_and_unload), or take the uniform, the linear or the greedy soup"
            )

    def read(self, index: int) -> Iterator[tuple[str, Tensor]]:
        """Read the tensors of one ingredient one after the other.

        Args:
            index: Which one.

        Yields:
            Name and tensor, on the CPU, in the order of ``layout`` and in its own dtype. Values are not checked: see
            :meth:`check`.

        Raises:
            SoupError: The file is damaged.
        """
        with self.blocks([index]) as (reader,):
            for name in self.layout:
                yield name, reader.tensor(name)

    @contextmanager
    def blocks(self, indices: Sequence[int]) -> Iterator[list[TensorReader]]:
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
                yield [
                    stack.enter_context(closing(TensorReader(self.checkpoints[index], self._own[index])))
                    for index in indices
                ]
            except OSError as error:
                raise SoupError(f"cannot be read any more: {error}") from error

    def check(self, index: int) -> None:
        """Look for values that are not finite. To sum tensors and to look at the sum is faster.

        Raises:
            SoupError: A tensor has NaN or infinite values; the message names the file and the tensor.
        """
        for name, tensor in self.read(index):
            self._check(index, name, tensor)

    def _check(self, index: int, name: str, tensor: Tensor) -> None:
        if (tensor.is_floating_point() or tensor.is_complex()) and not torch.isfinite(tensor).all():
            raise SoupError(f"{self._names[index]}: '{name}' has NaN or infinite values; leave this one out")

    def load(self, index: int) -> StateDict:
        """One ingredient as a state dict, a copy, in its own dtypes.

        Raises:
            SoupError: A tensor has NaN or infinite values, or the file is damaged.
        """
        in_memory = not isinstance(self.sources[index], Path)
        state: StateDict = {}
        for name, tensor in self.read(index):
            self._check(index, name, tensor)
            state[name] = tensor.clone() if in_memory or self.whole else tensor
        return self.tie(state)

    def some(self, indices: Sequence[int]) -> Ingredients:
        """Some of them."""
        return self._with([self.sources[i] for i in indices], [self.checkpoints[i] for i in indices], 0)

    def in_memory(self) -> Ingredients:
        """The same, held in memory in their own dtypes, for what goes through them many times.

        Raises:
            SoupError: A file is damaged.
        """
        held = [dict(self.read(index)) for index in range(len(self))]
        checkpoints = []
        for checkpoint, state in zip(self.checkpoints, held, strict=True):
            layout = {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in state.items()}
            rest = partial(dict[str, Tensor], state)
            checkpoints.append(
                replace(checkpoint, layout=layout, places={}, rest=rest, ties=dict(self.ties), whole=False)
            )
        return self._with(held, checkpoints, 0)

    def beside(self, source: Source) -> Ingredients:
        """Another checkpoint, checked to be of the same network: an initialisation for one.

        Raises:
            SoupError: It is not.
        """
        return self.after([source]).some([0])

    def after(self, sources: Sequence[Source]) -> Ingredients:
        """Further checkpoints of the same network, and these after them.

        Raises:
            SoupError: One is of another network.
        """
        paths = [Path(source) if isinstance(source, str) else source for source in sources]
        opened = [
            open_checkpoint(each, str(each) if isinstance(each, Path) else "initial", self._options) for each in paths
        ]
        return self._with([*paths, *self.sources], [*opened, *self.checkpoints], len(paths))

    def _with(
        self, sources: Sequence[Path | Mapping[str, Tensor]], opened: Sequence[StoredCheckpoint], first: int
    ) -> Ingredients:
        other = Ingredients.__new__(Ingredients)
        other._options, other._dtype = self._options, self._dtype
        other._set(sources, opened, first)
        return other

    def tie(self, state: StateDict) -> StateDict:
        """Let names that share a tensor in the ingredients share one in a state dict, which is changed."""
        for name, (root, axes) in self.ties.items():
            state[name] = state[root] if axes == tuple(range(len(axes))) else state[root].permute(axes)
        return state


class TensorReader:
    """A checkpoint read by the names of the first one.

    Args:
        checkpoint: The checkpoint.
        own: Its names by the first one's.
    """

    def __init__(self, checkpoint: StoredCheckpoint, own: Mapping[str, str]) -> None:
        self._checkpoint, self._own = checkpoint, own
        self._reader: BlockReader = checkpoint.reader()

    def dtype(self, name: str) -> torch.dtype:
        """Of a tensor, in this checkpoint."""
        return self._checkpoint.layout[self._own[name]][1]

    def block(self, name: str, start: int, stop: int, buffer: Buffer) -> Tensor:
        """As :meth:`atp.soups.checkpoints.block_reading.BlockReader.block`."""
        return self._reader.block(self._own[name], start, stop, buffer)

    def tensor(self, name: str) -> Tensor:
        """As :meth:`atp.soups.checkpoints.block_reading.BlockReader.tensor`."""
        return self._reader.tensor(self._own[name])

    def close(self) -> None:
        """Close the files."""
        self._reader.close()


def _with_dtype(layout: Layout, dtype: torch.dtype | None) -> Layout:
    return {
        name: (shape, own if dtype is None or not own.is_floating_point else dtype)
        for name, (shape, own) in layout.items()
    }


def _matched(checkpoint: StoredCheckpoint, first: StoredCheckpoint, dtype: torch.dtype | None) -> dict[str, str]:
    """Names in a checkpoint by those in another; of tied tensors, files may hold any one.

    Raises:
        SoupError: They are not of one network.
    """
    own: dict[str, str] = {}
    for name in first.layout:
        other: str | None = name
        if name not in checkpoint.layout:
            others: Iterable[str] = (key for key in first.layout if key in checkpoint.layout)
            other = same_tensor(first.ties, name, others)
        if other is not None:
            own[name] = other
    _compare_names(checkpoint, first, own)
    layout, expected = (_with_dtype(each.layout, dtype) for each in (checkpoint, first))
    if checkpoint.form.adapter is not None and first.form.adapter is not None:
        layout, expected = without_ranks(layout), without_ranks(expected)
    for key, (shape, kind) in expected.items():
        if layout[own[key]][0] != shape:
            raise SoupError(
                f"{checkpoint.name}: '{key}' has shape {layout[own[key]][0]}, in {first.name} {shape}; they are not "
                "of one network: leave one out"
            )
        if layout[own[key]][1] != kind:
            raise SoupError(
                f"{checkpoint.name}: '{key}' is {layout[own[key]][1]}, in {first.name} {kind}; say with --dtype in "
                "which they are to be mixed"
            )
    return own


def _compare_names(checkpoint: StoredCheckpoint, first: StoredCheckpoint, own: Mapping[str, str]) -> None:
    missing = sorted(first.layout.keys() - own.keys())
    if missing:
        raise SoupError(
            f"{checkpoint.name}: lacks '{missing[0]}', which {first.name} has ({len(missing)} missing); it is of "
            "another network, or --key or --strip-prefix choose other weights in it"
        )
    foreign = sorted(
        name
        for name in checkpoint.layout.keys() - first.layout.keys()
        if same_tensor(checkpoint.ties, name, first.layout) is None and name not in own.values()
    )
    if foreign:
        raise SoupError(
            f"{checkpoint.name}: has '{foreign[0]}', which {first.name} lacks ({len(foreign)} more); it is of another "
            "network, or --key or --strip-prefix choose other weights in it"
        )
    if (checkpoint.form.adapter is None) != (first.form.adapter is None):
        raise SoupError(f"{checkpoint.name} and {first.name}: one is an adapter and one is not")
