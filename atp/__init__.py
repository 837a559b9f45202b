"""Act the Part: an agent that plays with articulated objects and finds their parts.

Importing this package registers the Gymnasium environment ``ArticulatedPlay-v0``.

Raises:
    ImportError: Another `envs` or `assets` would be imported than those of this package.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atp.version import __version__

if TYPE_CHECKING:
    from atp.agent import Agent

__all__ = ["Agent", "__version__"]


def _require_own(name: str, folder: Path) -> None:
    """Refuse a package of the same name that stands before ours on the path: what it lacks would be a riddle later.

    Args:
        name: Of a top-level package that is installed with this one.
        folder: Where it is installed.

    Raises:
        ImportError: It is not there, or something else of its name is found first.
    """
    loaded = sys.modules.get(name)
    if loaded is None:
        spec = importlib.util.find_spec(name)
        places = [] if spec is None else [spec.origin, *(spec.submodule_search_locations or ())]
    else:
        places = [getattr(loaded, "__file__", None), *getattr(loaded, "__path__", ())]
    found = [Path(place) for place in places if place]
    if not any(place.resolve().is_relative_to((folder / name).resolve()) for place in found):
        other = f"{found[0]} was found in its place" if found else "it was not found"
        raise ImportError(
            f"act-the-part has a package named {name!r} in {folder}, but {other}: rename that, or take its folder off "
            f"PYTHONPATH and start Python from another folder; if another distribution brought it, use a virtual "
            f"environment without that"
        )


for _name in ("assets", "envs"):
    _require_own(_name, Path(__file__).parents[1])

import envs  # noqa: E402, F401  (registers ArticulatedPlay-v0)


def __getattr__(name: str) -> Any:
    """Load the agent (and with it PyTorch) when it is first asked for."""
    if name == "Agent":
        from atp.agent import Agent

        return Agent
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
