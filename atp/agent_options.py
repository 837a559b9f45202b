"""The options of the agent: everything that can be chosen about how it plays and sees, without training anew."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

#: Key of the options in the ``config.json`` of a checkpoint (``options`` there are those of the training).
AGENT_OPTIONS = "agent_options"
#: Least focal length, in units of the longer side of the image: a view of 168 degrees.
MIN_FOCAL = 0.05
#: Keys that held single options in older checkpoints.
_OLDER_KEYS = {
    "holds": "hold",
    "memory": "see_memory",
    "certainty": "motion_threshold",
    "motion_threshold": "motion_threshold",
}


@dataclass(frozen=True)
class AgentOptions:
    """How an agent acts and perceives with the networks that it has.

    ``hold``, ``see_memory`` and ``motion_threshold`` go with the weights; the others are free. As in the paper (AtP,
    arXiv 2105.01047)::

        AgentOptions(
            motion_threshold=0, refine_with_depth=False, refine_by_motion=False, residual=False, rotated_passes=True,
            restrict_to_foreground=False, reexamine_discount=0, weigh_masks=False,
            register_in_space=False, held_stays=False,
        )

    >>> AgentOptions(symmetries=9)
    Traceback (most recent call last):
        ...
    ValueError: symmetries must be from 1 to 8, not 9

    Attributes:
        motion_threshold: Motion is believed where the mean logit of what moved is at least this in both images, from 0
            (believes all, as in the paper). Below, it is mostly an object that gave way by less than a pixel.
        condition_on_action: Show the part network the action where it is known.
        refine_with_depth: Fit motion masks to the object's outline where there is depth
            (:mod:`atp.perception.depth_refinement`). In the paper: no.
        refine_by_motion: Where there is depth, find how what moved did so in space, and correct the masks by what this
            motion says of each pixel (:mod:`atp.articulation.mask_refinement`). In the paper: no.
        residual: Where there is depth, report what is left of the object once a part is known as a part too. In the
            paper: no, a part is what was seen to move.
        mask_symmetries: Rotated and mirrored inputs, 1 to 8, over which motion masks are averaged. In the paper: 1.
        symmetries: Rotated and mirrored inputs, 1 to 8, over which reward maps are averaged
            (:mod:`atp.networks.averaging`). In the paper: none, see ``rotated_passes``.
        rotated_passes: Ask about each push direction with a rotated copy of the input of its own, as in the paper, in
            place of averaging over ``symmetries``.
        hold: Hold the object while pushing, as in the paper. False: push alone.
        see_memory: Show the part memory to the interaction network, as in the paper.
        restrict_to_foreground: Hold and push only what depth shows to be the object, where there is depth. In the
            paper: no.
        reexamine_discount: What moved as one may be several parts that moved together: an action within one known part
            is taken, as if no part were known, where its expected reward times this, 0 to 1, is larger than that of
            the best other action. 0, as in the paper, never does.
        weigh_masks: Tell the part memory how sure each pixel of a motion mask is: what surely moved or stayed splits
            parts sooner, and what of the object may have moved is no residual part (:mod:`atp.part_memory.evidence`).
            In the paper: no.
        register_in_space: Where there is depth, carry parts along by rigid motions in space rather than in the plane of
            the image (:mod:`atp.part_memory.motion_in_space`). In the paper: no.
        held_stays: The known part that was held stayed, unless it surely moved (:mod:`atp.part_memory.held`): for a
            hold that keeps the part still, as ``hold="fixed"`` of the environment does. In the paper: no.
        focal: Focal length of the camera whose depth that is, in units of the longer side of the image. The
            principal point is taken to be the middle of the image. 1.5 is that of the environment's camera.

    Raises:
        ValueError: A value is of a wrong type or out of range; the message names the option.
    """

    motion_threshold: float = 6.0
    condition_on_action: bool = True
    refine_with_depth: bool = True
    refine_by_motion: bool = True
    residual: bool = True
    mask_symmetries: int = 1
    symmetries: int = 8
    rotated_passes: bool = False
    hold: bool = True
    see_memory: bool = True
    restrict_to_foreground: bool = True
    reexamine_discount: float = 0.5
    weigh_masks: bool = True
    register_in_space: bool = True
    held_stays: bool = True
    focal: float = 1.5

    def __post_init__(self) -> None:
        for entry in fields(self):
            if isinstance(entry.default, bool) and not isinstance(getattr(self, entry.name), bool):
                raise ValueError(f"{entry.name} must be true or false, not {getattr(self, entry.name)!r}")
        self._check_number("motion_threshold", 0, math.inf)
        self._check_number("reexamine_discount", 0, 1)
        self._check_number("focal", MIN_FOCAL, math.inf)
        self._check_number("symmetries", 1, 8, whole=True)
        self._check_number("mask_symmetries", 1, 8, whole=True)

    def _check_number(self, name: str, least: float, most: float, *, whole: bool = False) -> None:
        value: Any = getattr(self, name)
        fits = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
        if not (fits and least <= value <= most and math.isfinite(value)):
            limits = f"from {least} to {most}" if math.isfinite(most) else f"a finite number of at least {least}"
            raise ValueError(f"{name} must be {limits}, not {value!r}")

    def to_json(self) -> dict[str, Any]:
        """Every option by name; JSON values only."""
        return asdict(self)

    @staticmethod
    def from_config(config: Mapping[str, Any]) -> AgentOptions:
        """The options in a checkpoint's config; those that it leaves out have their defaults.

        Args:
            config: A config with ``agent_options``, or an older one with ``holds``, ``memory``, ``motion_threshold`` or
                ``certainty`` (as ``motion_threshold`` was called).

        Returns:
            The options.

        Raises:
            ValueError: There is an option that the agent does not have, or a value does not suit one.

        >>> AgentOptions.from_config({"holds": False, "certainty": 5.0}).to_json()["hold"]
        False
        """
        found = {name: config[key] for key, name in _OLDER_KEYS.items() if key in config}
        stored = config.get(AGENT_OPTIONS, {})
        if not isinstance(stored, Mapping):
            raise ValueError(f"{AGENT_OPTIONS} must be an object, not {stored!r}")
        known = [entry.name for entry in fields(AgentOptions)]
        unknown = [name for name in stored if name not in known]
        if unknown:
            raise ValueError(f"{AGENT_OPTIONS}: unknown option {unknown[0]!r}; there are {', '.join(known)}")
        return AgentOptions(**{**found, **stored})


def without_options(config: Mapping[str, Any]) -> dict[str, Any]:
    """A checkpoint's config without the options of the agent, old keys or new."""
    return {key: value for key, value in config.items() if key != AGENT_OPTIONS and key not in _OLDER_KEYS}
