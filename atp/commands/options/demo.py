"""The options of ``atp demo``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DemoOptions:
    """Play with the agent in the browser: see its reward maps under any hold, and play with objects by clicking."""

    weights: str = "default"
    """Name of shipped weights, or a checkpoint folder."""
    device: str = "auto"
    """auto, cpu or cuda."""
    port: int = 8766
    """Port to listen at, on this machine alone; 0 for any that is free."""
