"""The optimiser of the networks: Muon for matrices, AdamW for the rest."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

#: Of the quintic Newton-Schulz iteration, as in `torch.optim.Muon`.
COEFFICIENTS, ITERATIONS = (3.4445, -4.7750, 2.0315), 5
MOMENTUM = 0.95


class Muon(torch.optim.Optimizer):
    """`torch.optim.Muon` with Nesterov momentum and steps of AdamW's size, computed in float32.

    PyTorch's computes in bfloat16 whatever the device. Most CPUs only imitate it: there a step of this one takes a
    twentieth of the time.

    Args:
        matrices: (m, n) weights.
        lr: Learning rate.
        weight_decay: Decoupled weight decay.
    """

    def __init__(self, matrices: Iterable[Tensor], lr: float, weight_decay: float) -> None:
        super().__init__(matrices, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Make a step with the gradients that the matrices have; ``closure`` is as for PyTorch's optimisers."""
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group in self.param_groups:
            for matrix in group["params"]:
                if matrix.grad is None:
                    continue
                state = self.state[matrix]
                if not state:
                    state["momentum_buffer"] = torch.zeros_like(matrix)
                momentum = state["momentum_buffer"].lerp_(matrix.grad, 1 - MOMENTUM)
                direction = _nearest_orthogonal(matrix.grad.lerp(momentum, MOMENTUM))
                matrix.mul_(1 - group["lr"] * group["weight_decay"])
                matrix.add_(direction, alpha=-group["lr"] * 0.2 * max(matrix.shape) ** 0.5)
        return loss


def _nearest_orthogonal(matrix: Tensor) -> Tensor:
    """A matrix with the singular vectors of the given one and singular values near 1."""
    wide = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    found = wide / wide.norm().clamp(min=1e-7)
    a, b, c = COEFFICIENTS
    for _ in range(ITERATIONS):
        gram = found @ found.T
        found = torch.addmm(found, torch.addmm(gram, gram, gram, beta=b, alpha=c), found, beta=a)
    nearest: Tensor = found.T if matrix.shape[0] > matrix.shape[1] else found
    return nearest


class MuonAdamW:
    """Muon for the weights of convolutions and linear layers, AdamW for biases and norms.

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
        self._muon = Muon(self._views, learning_rate, weight_decay)
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
        self._muon.step()
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
