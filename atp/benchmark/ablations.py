"""What the agent does beyond the paper's recipe when it plays, each to be switched off or on alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Variant:
    """A change of the agent.

    Attributes:
        meaning: What is different, for tables.
        settings: Options of the agent that differ (:class:`atp.agent_options.AgentOptions`), and their values.
    """

    meaning: str
    settings: dict[str, Any] = field(default_factory=dict)


VARIANTS = {
    "one-view": Variant("reward maps of the upright image alone", {"symmetries": 1}),
    "rotated-passes": Variant(
        "as in the paper: 8 turned copies, each asked about one direction", {"rotated_passes": True}
    ),
    "anywhere": Variant("holds and pushes off the object are allowed", {"restrict_to_foreground": False}),
    "no-doubts": Variant("a known part is never examined for further parts", {"reexamine_discount": 0.0}),
    "credulous": Variant("motion is believed however uncertain it is", {"motion_threshold": 0.0}),
    "unfitted-masks": Variant("motion masks not fitted to the object's outline", {"refine_with_depth": False}),
    "eight-mask-views": Variant("motion masks averaged over eight views", {"mask_symmetries": 8}),
    "action-unknown": Variant("the part network is not told the action", {"condition_on_action": False}),
    "no-residual": Variant("what is left of the object is not a part", {"residual": False}),
}
