"""Act the Part: an agent that plays with articulated objects and finds their parts.

Importing this package registers the Gymnasium environment ``ArticulatedPlay-v0``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import envs  # noqa: F401  (registers ArticulatedPlay-v0)
from atp.version import __version__

if TYPE_CHECKING:
    from atp.agent import Agent

__all__ = ["Agent", "__version__"]


def __getattr__(name: str) -> Any:
    """Load the agent (and with it PyTorch) when it is first asked for."""
    if name == "Agent":
        from atp.agent import Agent

        return Agent
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
