"""The optimiser of the networks: Muon for matrices, AdamW for the rest."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor


class MuonAdamW:
    """Muon (`torch.optim.Muon`) for the weights of convolutions and linear layers, AdamW for biases and norms.

    Muon steps in the direction of the nearest orthogonal matrix to a weight's momentum, so that no few directions take
    all of the step. A convolution's weight (O, I, h, w) is
    taken as a matrix (O, h * w * I). The learning rate and the weight decay are meant as AdamW's: the steps are scaled
    to the size that AdamW's would have.

    Args:
        parameters: What is trained. Convolutions' weights are in the channels-last format.
        learning_rate: Of both.
        weight_decay: Of both.

    Raises:
        ValueError: A convolution's weight is not in the channels-last format.
    """

    def __init__(self, parameters: Iterable[Tensor], learning_rate: float, weight_decay: float) -> None:
        every = list(parameters)
        self._matrices = [parameter for parameter in every if parameter.ndim > 1]
        vectors = [parameter for parameter in every if parameter.ndim < 2]
        self._views = [_matrix(parameter.detach()) for parameter in self._matrices]
        for matrix, view in zip(self._matrices, self._views, strict=True):
            if view.data_ptr() != matrix.data_ptr():
                raise ValueError(f"a weight of shape {tuple(matrix.shape)} is not in the channels-last format")
        self._muon = torch.optim.Muon(self._views, learning_rate, weight_decay, adjust_lr_fn="match_rms_adamw")
        self._adamw = torch.optim.AdamW(vectors, learning_rate, weight_decay=weight_decay)

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The groups of both, to set their learning rate."""
        return [*self._muon.param_groups, *self._adamw.param_groups]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for matrix, view in zip(self._matrices, self._views, strict=True):
            matrix.grad = view.grad = None
        self._adamw.zero_grad(set_to_none=True)

    def step(self) -> None:
        """Make a step with the gradients that the parameters have."""
        for matrix, view in zip(self._matrices, self._views, strict=True):
            view.grad = None if matrix.grad is None else _matrix(matrix.grad)
        self._muon.step()  # type: ignore[no-untyped-call]
        self._adamw.step()

    def state_dict(self) -> dict[str, Any]:
        """What :meth:`load_state_dict` needs; tensors, numbers, lists and dicts only."""
        return {"muon": self._muon.state_dict(), "adamw": self._adamw.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a state from :meth:`state_dict`."""
        self._muon.load_state_dict(state["muon"])
        self._adamw.load_state_dict(state["adamw"])


def _matrix(weight: Tensor) -> Tensor:
    """A weight (O, ...) as a matrix (O, n), a view of it where its format allows."""
    return (weight.permute(0, 2, 3, 1) if weight.ndim == 4 else weight).flatten(1)
