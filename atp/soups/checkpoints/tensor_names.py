"""Names of tensors without what wrappers of a network put before or between them."""

from __future__ import annotations

from collections.abc import Sequence

from atp.soups.checkpoints.soup_errors import SoupError

#: Parts of names that `torch.compile`, FSDP and activation checkpointing put in, at any depth.
WRAPPERS = {"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}
#: Prefix of all names: DataParallel's, DistributedDataParallel's and AveragedModel's.
WRAPPED = "module."
#: What `torch.optim.swa_utils.AveragedModel` counts beside the network.
COUNTER = "n_averaged"


def plain_names(names: Sequence[str], where: str, strip_prefix: str = "") -> tuple[dict[str, str], list[str]]:
    """Names as the bare network has them.

    Args:
        names: Names in a checkpoint.
        where: The checkpoint, for messages.
        strip_prefix: A prefix to take off besides; names without it are left out.

    Returns:
        Names in the checkpoint by plain names, in their order; and names that were left out.

    Raises:
        SoupError: Two tensors would have one name, or none has the prefix.
    """
    plain = {name: ".".join(part for part in name.split(".") if part not in WRAPPERS) for name in names}
    left_out: list[str] = []
    if COUNTER in plain and len(plain) > 1 and all(n.startswith(WRAPPED) for n in plain.values() if n != COUNTER):
        del plain[COUNTER]
        left_out.append(COUNTER)
    while plain and all(name.startswith(WRAPPED) for name in plain.values()):
        plain = {own: name[len(WRAPPED) :] for own, name in plain.items()}
    if strip_prefix:
        left_out += [own for own, name in plain.items() if not name.startswith(strip_prefix)]
        kept = {own: name[len(strip_prefix) :] for own, name in plain.items() if name.startswith(strip_prefix)}
        if not kept:
            some = ", ".join(list(plain.values())[:3])
            raise SoupError(f"{where}: no name begins with '{strip_prefix}' (--strip-prefix); they are {some}, ...")
        plain = kept
    found: dict[str, str] = {}
    for own, name in plain.items():
        if name in found:
            raise SoupError(f"{where}: '{found[name]}' and '{own}' are both '{name}' without their wrappers' names")
        found[name] = own
    return found, left_out
