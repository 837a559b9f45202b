"""An OpenGL context without a window: EGL, on a GPU or on Mesa's llvmpipe where there is none."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

Context = Any

#: What to do where it cannot be had.
INSTALL = "pip install 'act-the-part[pictures]' and apt-get install libegl1 libgl1-mesa-dri"


class PicturesMissing(Exception):
    """Nothing can be drawn here; the message says what to install."""


def gl_context() -> Context:
    """The process's context; a forked child makes one of its own.

    Raises:
        PicturesMissing: moderngl or EGL is not installed.
    """
    return _context(os.getpid())


@lru_cache(maxsize=1)
def _context(process: int) -> Context:
    try:
        import moderngl
    except ImportError as error:
        raise PicturesMissing(f"moderngl is not installed: {INSTALL}") from error
    try:
        settings: Any = {"backend": "egl"}  # typed wrongly by moderngl
        return moderngl.create_context(require=330, standalone=True, **settings)
    except Exception as error:  # the backends raise bare exceptions
        raise PicturesMissing(f"no OpenGL context on EGL ({error}): {INSTALL}") from error
