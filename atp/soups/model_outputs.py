"""What a model says of a batch, whatever form both have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from atp.soups.checkpoints.soup_errors import SoupError

#: Names of the targets in batches that are dictionaries.
TARGETS = ("labels", "label", "targets", "target")


def split_batch(batch: Any) -> tuple[Any, Tensor]:
    """Inputs and targets of a batch: a pair, or a dictionary with the targets under ``labels`` or the like.

    Raises:
        SoupError: It is neither.
    """
    if isinstance(batch, Mapping):
        key = next((key for key in TARGETS if key in batch), None)
        if key is not None:
            return {name: value for name, value in batch.items() if name != key}, batch[key]
    elif isinstance(batch, tuple | list) and len(batch) == 2:
        return batch[0], batch[1]
    raise SoupError(f"a batch must be inputs and targets, or a dictionary with {' or '.join(TARGETS)}")


def outputs_of(model: nn.Module, inputs: Any, device: torch.device) -> Tensor:
    """Logits for inputs: a tensor, or a dictionary that is given by names.

    Args:
        model: Returns logits, or an object or dictionary that has them as ``logits``, or a tuple that begins with them.
        inputs: Of a batch.
        device: Where the model is.

    Raises:
        SoupError: What it returns holds no logits.
    """
    if isinstance(inputs, Mapping):
        found = model(**{name: _on(value, device) for name, value in inputs.items()})
    else:
        found = model(_on(inputs, device))
    if isinstance(found, Mapping) and "logits" in found:
        found = found["logits"]
    elif not isinstance(found, Tensor) and hasattr(found, "logits"):
        found = found.logits
    elif isinstance(found, tuple) and found:
        found = found[0]
    if not isinstance(found, Tensor):
        raise SoupError(f"the model returns a {type(found).__name__}: neither logits nor anything that has .logits")
    return found


def _on(value: Any, device: torch.device) -> Any:
    return value.to(device) if hasattr(value, "to") else value


class SameOrder:
    """Sees to it that passes over batches give the same examples in the same order.

    Logits of one pass are compared with targets and logits of others, which means nothing where a loader shuffles.
    """

    def __init__(self) -> None:
        self._seen: dict[Any, Tensor] = {}

    def targets(self, key: Any, targets: Iterable[Tensor], title: str) -> Tensor:
        """The targets of a pass.

        Args:
            key: Of the set.
            targets: Of its batches.
            title: Of the set, for messages.

        Raises:
            SoupError: There are none, or they differ from those of the pass before.
        """
        some = list(targets)
        if not some:
            raise SoupError(
                f"{title}: has no batches{' any more; a generator runs out: give a list' if key in self._seen else ''}"
            )
        joined = torch.cat([each.cpu() for each in some])
        if key not in self._seen:
            self._seen[key] = joined
        elif not torch.equal(self._seen[key], joined):
            raise SoupError(
                f"{title}: gives other targets, or in another order, in a second pass: its loader must not shuffle "
                "or sample (shuffle=False)"
            )
        return joined
