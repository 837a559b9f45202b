"""Low-rank adapters (LoRA, arXiv 2106.09685): what may be averaged is B A, never A and B apart.

An adapter adds s B A to a weight, with A of (r, inputs), B of (outputs, r) and the scale s of its configuration. The
mean of several is again an adapter: A is theirs one above the other, B theirs side by side, each times its weight and
scale. Its rank is the sum of theirs.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from atp.soups.checkpoints.soup_errors import SoupError
from atp.soups.checkpoints.stored import Layout, StoredCheckpoint

#: Names of factors, of PEFT, diffusers, kohya and LyCORIS.
FACTOR = re.compile(
    r"(^|[._])(lora_(A|B|up|down|embedding_A|embedding_B|magnitude_vector)|lora\.(up|down)|hada_w\d|lokr_w\d|vera_"
    r"lambda|oft_[rR]|ia3_l)([._]|$)"
)
#: Of PEFT's LoRA: the name of a module, and which factor of it.
PEFT_FACTOR = re.compile(r"^(?P<module>.+)\.lora_(?P<embedding>embedding_)?(?P<which>[AB])(\.\w+)?(?=$|\.)")
PREFIX = "base_model.model."
#: Initialisations that change the base by an amount that depends on the rank.
CHANGED_BASE = ("pissa", "olora", "corda", "loftq")


def check_no_factors(checkpoint: StoredCheckpoint) -> None:
    """Refuse factors without the configuration that says what they mean.

    Raises:
        SoupError: There are some.
    """
    for name in checkpoint.layout:
        if FACTOR.search(name):
            raise SoupError(
                f"{checkpoint.name}: '{name}' is a factor of a low-rank update; the mean of factors is not the mean "
                "of updates. Merge it into the base first (merge_and_unload), or give PEFT folders with their "
                "adapter_config.json"
            )


def check_adapter(checkpoint: StoredCheckpoint, config: Mapping[str, Any]) -> StoredCheckpoint:
    """Take a PEFT adapter with its configuration.

    Raises:
        SoupError: It is of a kind whose mean is no adapter of the kind.
    """
    kind = str(config["peft_type"])
    start = str(config.get("init_lora_weights", True))
    odd = [key for key in ("use_dora", "lora_bias", "trainable_token_indices", "use_qalora") if config.get(key)]
    odd += [name for name in checkpoint.layout if "lora_magnitude_vector" in name][:1]
    if start.lower().startswith(CHANGED_BASE):
        odd.append(f"init_lora_weights {start}, which changes the base")
    if kind != "LORA" or odd:
        raise SoupError(
            f"{checkpoint.name}: is an adapter of type {kind}{f' with {odd[0]}' if odd else ''}; LoRA alone can be "
            "averaged as an adapter. Merge it into the base first (merge_and_unload), and give the merged models"
        )
    for name in checkpoint.layout:
        if FACTOR.search(name) and not PEFT_FACTOR.match(name):
            raise SoupError(f"{checkpoint.name}: '{name}' is a factor that is not known; merge it into the base first")
    return replace(checkpoint, form=replace(checkpoint.form, adapter=dict(config)))


def without_ranks(layout: Layout) -> Layout:
    """A layout of an adapter in which the ranks, in which ingredients may differ, are 0."""
    found: Layout = {}
    for name, (shape, dtype) in layout.items():
        axis = rank_axis(name)
        found[name] = (shape if axis is None else (*shape[:axis], 0, *shape[axis + 1 :]), dtype)
    return found


def rank_axis(name: str) -> int | None:
    """The axis of a factor that is the rank; None for other tensors."""
    match = PEFT_FACTOR.match(name)
    return None if match is None else "AB".index(match["which"])


def scale_of(config: Mapping[str, Any], module: str, rank: int) -> float:
    """What B A is multiplied with, as PEFT computes it.

    Args:
        config: Of the adapter.
        module: Name of the module as it is in the weights.
        rank: Of its factors.
    """
    alpha = config.get("lora_alpha", 8)
    bare = module.removeprefix(PREFIX)
    for pattern, value in (config.get("alpha_pattern") or {}).items():
        if re.match(rf"(.*\.)?({pattern})$", bare):
            alpha = value
            break
    return float(alpha) / (math.sqrt(rank) if config.get("use_rslora") else rank)


def joined_factors(
    name: str,
    factors: Sequence[Tensor],
    configs: Sequence[Mapping[str, Any]],
    weights: Sequence[float],
    dtype: torch.dtype,
) -> Tensor:
    """One factor of the mean of several adapters; the scale of the result is 1.

    Args:
        name: Of the factor.
        factors: Of the adapters, by this name.
        configs: Of the adapters.
        weights: Of the adapters.
        dtype: Of the result.

    Returns:
        The factors one beside the other; those of B times their weights and scales.
    """
    match, axis = PEFT_FACTOR.match(name), rank_axis(name)
    assert match is not None
    assert axis is not None
    parts = []
    for factor, config, weight in zip(factors, configs, weights, strict=True):
        part = factor.double()
        if match["which"] == "B":
            part = part * (weight * scale_of(config, match["module"], part.shape[axis]))
        parts.append(part)
    return torch.cat(parts, axis).to(dtype)


def joined_config(config: Mapping[str, Any], state: Mapping[str, Tensor]) -> dict[str, Any]:
    """The configuration of a mean of adapters, whose scale is 1 everywhere.

    Args:
        config: Of the first of them.
        state: The mean.
    """
    ranks = {
        match["module"].removeprefix(PREFIX): tensor.shape[0]
        for name, tensor in state.items()
        if (match := PEFT_FACTOR.match(name)) and match["which"] == "A"
    }
    values = list(ranks.values())
    usual = max(sorted(set(values)), key=values.count)
    odd = {re.escape(module): rank for module, rank in ranks.items() if rank != usual}
    return {
        **config,
        "r": usual,
        "lora_alpha": usual,
        "use_rslora": False,
        "rank_pattern": odd,
        "alpha_pattern": dict(odd),
    }
