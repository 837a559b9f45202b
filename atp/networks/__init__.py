"""Networks of the agent (torch only; no Gymnasium, no simulator)."""

from __future__ import annotations

from atp.networks.interaction import InteractionFeatures, InteractionNetwork
from atp.networks.part import PartNetwork, extended

__all__ = ["InteractionFeatures", "InteractionNetwork", "PartNetwork", "extended"]
