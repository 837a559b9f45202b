"""Where generated and prepared objects are kept between runs."""

from __future__ import annotations

import os
from pathlib import Path


def cache_root() -> Path:
    """Folder below which everything this project generates is cached.

    Environment variable ``ATP_CACHE`` if set, else ``$XDG_CACHE_HOME/act-the-part``, else
    ``~/.cache/act-the-part``. The folder is not created here.

    Returns:
        An absolute path, so that paths written into cached files stay valid from any working directory.
    """
    chosen = os.environ.get("ATP_CACHE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME")
    if base:
        return Path(base).expanduser().absolute() / "act-the-part"
    return Path.home() / ".cache" / "act-the-part"
