"""Where the weights that come with the package are."""

from __future__ import annotations

from pathlib import Path

import assets

SHIPPED = Path(str(assets.__file__)).parent / "weights"


def shipped_weights(name: str) -> Path:
    """Folder of shipped weights, which may be missing.

    Raises:
        ValueError: The name is that of no folder directly under ``assets/weights``.
    """
    if Path(name).name != name or name in ("", ".", ".."):
        raise ValueError(f"{name!r} is not the name of weights")
    return SHIPPED / name
