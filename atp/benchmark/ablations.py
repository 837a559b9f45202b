"""What the agent does beyond the paper's recipe when it plays, each to be taken away or put in alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from assets.registry import Registry


@dataclass(frozen=True)
class Ablation:
    """A change of the agent.

    Attributes:
        meaning: What is different, for tables.
        settings: Options of the agent that differ (:class:`atp.agent_options.AgentOptions`), and their values.
    """

    meaning: str
    settings: dict[str, Any] = field(default_factory=dict)


#: Every ablation by name; rows of results carry the name as their ``variant``.
ABLATIONS: Registry[Ablation] = Registry("ablation", Ablation)


def ablation(name: str, meaning: str, **settings: Any) -> None:
    """Add an ablation to the suite ``ablations``.

    Args:
        name: In rows of results.
        meaning: What is different, for tables.
        settings: Options of the agent that are set.
    """
    ABLATIONS.add(name, Ablation(meaning, settings))


ablation("one-view", "reward maps of the upright image alone", symmetries=1)
ablation("rotated-passes", "as in the paper: 8 rotated copies, each asked about one direction", rotated_passes=True)
ablation("no-foreground", "holds and pushes off the object are allowed", restrict_to_foreground=False)
ablation("no-reexamination", "a known part is never examined for further parts", reexamine_discount=0.0)
ablation("no-confidence-gate", "motion is believed however uncertain it is", motion_threshold=0.0)
ablation("unfitted-masks", "motion masks not fitted to the object's outline", refine_with_depth=False)
ablation("unrefined-masks", "motion masks not corrected by the motion in space", refine_by_motion=False)
ablation("eight-mask-views", "motion masks averaged over eight views", mask_symmetries=8)
ablation("action-unknown", "the part network is not shown the action", condition_on_action=False)
ablation("no-residual", "what is left of the object is not a part", residual=False)
ablation("unweighed-masks", "the part memory is not told how sure motion masks are", weigh_masks=False)
ablation("held-may-move", "a motion mask is believed on the held part too", held_stays=False)
ablation("planar-registration", "parts carried along in the plane of the image, not in space", register_in_space=False)
