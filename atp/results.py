"""Every result file, as one dataclass each: who writes one and who reads one import it from here.

=====================  ================================================  ==========================
class                  written by                                        file
=====================  ================================================  ==========================
`PlayResult`           ``atp play``                                      ``result.json``
`LiveResult`           ``atp live``                                      ``result.json``
`MapsResult`           ``atp maps``                                      ``maps.json``
`ObjectResult`         ``atp object``                                    ``object.json``
`ClipsResult`          ``atp clip``                                      ``clips.json``
`EvalResult`           ``atp eval``                                      ``eval.json``
`RobustnessResult`     ``atp robustness``                                ``robustness.json``
`Comparison`           ``atp soup``, and each seed of a sweep            ``soup.json``
`SweepResult`          ``python -m train.sweep``                         ``soups.json``
`AgentSoupsResult`     ``python -m train.agent_soups``                   ``soup-agents.json``
`LeaveOneOutResult`    ``python -m train.leave_one_out``                 ``leave-one-out.json``
`BenchResult`          ``python -m train.bench``                         ``bench.json``
`EnduranceResult`      ``python -m train.bench.endurance``               ``endurance.json``
`Curve`                training runs                                     ``curve.json``
=====================  ================================================  ==========================

Attributes are the keys of the JSON object, which begins with ``schema_version``. Files without one are of version 1;
what a class says of earlier versions is in its ``upgrade``. Scores are None where they are not defined. Pixels are
(row, col); direction k is 45 k degrees counter-clockwise from image right.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

from assets.files import write_json
from atp.json_dataclasses import from_json, to_json

Pixel = tuple[int, int]
#: What commands and files of results were called in version 1.
OLD_COMMANDS = {
    "atp shifts": "atp robustness",
    "train.switches": "train.leave_one_out",
    "results/shifts": "results/robustness",
    "results/switches": "results/leave-one-out",
}
#: Mean, and standard deviation over seeds.
Spread = tuple[float, float]


class ResultError(ValueError):
    """A result file cannot be read; the message names the file and says what is wrong."""


@dataclass(frozen=True)
class Result:
    """Base of the result files.

    Attributes:
        VERSION: Of the layout that is written.
        WRITTEN_BY: The command, for errors.
    """

    VERSION: ClassVar[int] = 1
    WRITTEN_BY: ClassVar[str]

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a file of this version or an earlier one.

        Raises:
            ResultError: It is missing or is no such file; the message names it.
        """
        try:
            value = json.loads(Path(path).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ResultError(f"{path}: missing; `{cls.WRITTEN_BY}` writes it") from None
        except (OSError, ValueError) as error:
            raise ResultError(f"{path}: cannot be read as JSON ({error})") from error
        try:
            return cls.from_json(value)
        except ValueError as error:
            raise ResultError(f"{path}: is no result of `{cls.WRITTEN_BY}`: {error}") from error

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """From what a file holds.

        Raises:
            ValueError: A key is missing or unknown, or a value is of another type; the message says where.
        """
        if not isinstance(value, dict):
            raise ValueError("must be a JSON object")
        version = value.get("schema_version", 1)
        if not isinstance(version, int) or version > cls.VERSION:
            raise ValueError(f"schema_version {version} is not known here (up to {cls.VERSION}); update the package")
        if version < cls.VERSION:
            value = cls.upgrade(value)
        value = {key: each for key, each in value.items() if key != "schema_version"}
        return from_json(cls, value)

    @classmethod
    def upgrade(cls, value: dict[str, Any]) -> dict[str, Any]:
        """What a file of an earlier version would hold in this one."""
        return value

    def to_json(self) -> dict[str, Any]:
        """What the file holds."""
        return {"schema_version": self.VERSION, **to_json(self)}

    def write(self, path: str | Path) -> None:
        """Write the file, atomically."""
        write_json(path, self.to_json())


def _renamed(value: Any, **names: str) -> Any:
    """An object with some keys renamed, from old to new; anything else as it is, for the reader to complain of."""
    return {names.get(key, key): each for key, each in value.items()} if isinstance(value, dict) else value


def _scored(clip: Any) -> Any:
    """A clip's entry before version 3 of ``ClipsResult`` as it is now."""
    if not isinstance(clip, dict):
        return clip
    nothing = {"motion_iou_without_agent": None, "false_motion": None}

    def baselines(entry: dict[str, Any]) -> dict[str, Any]:
        methods = entry.get("baselines")
        return {name: {**nothing, **each} for name, each in methods.items()} if isinstance(methods, dict) else {}

    pairs = [{**nothing, **pair, "baselines": baselines(pair)} for pair in _list(clip, "interactions")]
    empty = {"kind": "", "agent_in_view": ""}
    return {**nothing, **empty, **clip, "baselines": baselines(clip), "interactions": pairs}


def _command(value: Any) -> Any:
    """An object whose command has the name that it has now."""
    if not isinstance(value, dict) or not isinstance(value.get("command"), str):
        return value
    command = value["command"]
    for old, new in OLD_COMMANDS.items():
        command = command.replace(old, new)
    return {**value, "command": command}


def _list(value: Any, key: str) -> list[Any]:
    """A list in an object, empty where there is none: what is wrong with it is said when it is read."""
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []


# --- play ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PlayedInteraction:
    """One interaction of an episode.

    Attributes:
        hold: Pixel that was held.
        push: Pixel that was pushed.
        direction: Of the push.
        touch: Whether the hold and the push touched the object.
        effective: The push moved a part while the held one stayed.
        optimal: It moved exactly one part not moved before.
        miou: Of the part memory after it.
        mape: Likewise.
        hd95: Likewise, in pixels.
        motion_iou: None where nothing moved.
        parts_found: Parts in the memory after it.
    """

    hold: Pixel
    push: Pixel
    direction: int
    touch: tuple[bool, bool]
    effective: bool
    optimal: bool
    miou: float | None
    mape: float | None
    hd95: float | None
    motion_iou: float | None
    parts_found: int


@dataclass(frozen=True)
class PlayResult(Result):
    """One episode with one object.

    Attributes:
        category: Of the object.
        instance: Name of the object.
        policy: Who played.
        seed: Decides the object, its pose and joint state.
        num_parts: Parts visible at the start.
        miou: At the end.
        interactions: In order.
        strip: File of the image with a row for each interaction.
        video: File of the video.
    """

    WRITTEN_BY: ClassVar[str] = "atp play"

    category: str
    instance: str
    policy: str
    seed: int
    num_parts: int
    miou: float | None
    interactions: list[PlayedInteraction]
    strip: str
    video: str


@dataclass(frozen=True)
class LiveInteraction:
    """One interaction with a real object, in the pixels of the camera's image.

    Attributes:
        number: From 1.
        hold: Pixel to hold.
        push: Pixel to push.
        direction: Of the push.
        degrees: The same as an angle.
        parts_found: Parts in the memory after it.
    """

    number: int
    hold: Pixel
    push: Pixel
    direction: int
    degrees: int
    parts_found: int


@dataclass(frozen=True)
class LiveResult(Result):
    """A session with a real object.

    Attributes:
        interactions: In order.
        parts_found: Parts at the end.
    """

    WRITTEN_BY: ClassVar[str] = "atp live"

    interactions: list[LiveInteraction]
    parts_found: int


@dataclass(frozen=True)
class HeldPart:
    """What the interaction network expects when one part is held.

    Attributes:
        part: True label of the held part.
        hold: The best hold on it that is not near another part.
        hold_reward: Its expected reward.
        push: The best push with it.
        direction: Of the push.
        push_reward: Its expected reward.
        pushed_part: True label under the push; 0 is the background.
        reward_by_part: The largest expected reward of a push on each part, by its label.
    """

    part: int
    hold: Pixel
    hold_reward: float
    push: Pixel
    direction: int
    push_reward: float
    pushed_part: int
    reward_by_part: dict[str, float]


@dataclass(frozen=True)
class MapsResult(Result):
    """Reward maps of one scene. Version 1 called ``image`` ``picture``.

    Attributes:
        category: Of the object.
        instance: Name of the object.
        seed: Decides the object, its pose and joint state.
        image: File of the image.
        holds: One for each visible part.
    """

    VERSION: ClassVar[int] = 2
    WRITTEN_BY: ClassVar[str] = "atp maps"

    category: str
    instance: str
    seed: int
    image: str
    holds: list[HeldPart]

    @classmethod
    def upgrade(cls, value: dict[str, Any]) -> dict[str, Any]:
        """See :class:`Result`."""
        return dict(_renamed(value, picture="image"))


@dataclass(frozen=True)
class ObjectPart:
    """A part of a prepared object.

    Attributes:
        label: From 1.
        name: Its name.
        links: Links of the URDF that it consists of.
        visible_pixels: In the first image.
    """

    label: int
    name: str
    links: list[str]
    visible_pixels: int


@dataclass(frozen=True)
class ObjectJoint:
    """A joint of a prepared object.

    Attributes:
        name: In the URDF.
        type: ``revolute`` or ``prismatic``.
        parent: Label of the part that it hangs on.
        child: Label of the part that it moves.
        lower: Limit, radians or metres.
        upper: Likewise.
    """

    name: str
    type: str
    parent: int
    child: int
    lower: float
    upper: float


@dataclass(frozen=True)
class ObjectResult(Result):
    """What was found of an object that others made.

    Version 1 called ``image`` ``picture``; version 2 had neither ``notes`` nor ``view``.

    Attributes:
        name: Of the object.
        category: Of the object.
        urdf: The prepared URDF.
        radius: Metres, after fitting.
        height: Likewise.
        parts: In order of labels.
        joints: Those that move parts.
        image: File of the image.
        notes: What was left out, cut, guessed or thinned of its file, one sentence each.
        view: From where it is looked at: ``from above``, or ``--view=elevation,azimuth`` in degrees.
    """

    VERSION: ClassVar[int] = 3
    WRITTEN_BY: ClassVar[str] = "atp object"

    name: str
    category: str
    urdf: str
    radius: float
    height: float
    parts: list[ObjectPart]
    joints: list[ObjectJoint]
    image: str
    notes: list[str]
    view: str

    @classmethod
    def upgrade(cls, value: dict[str, Any]) -> dict[str, Any]:
        """See :class:`Result`."""
        return {"notes": [], "view": "from above", **_renamed(value, picture="image")}


# --- real clips ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MotionScores:
    """Motion masks of one method against the annotated ones.

    Attributes:
        motion_iou_before: IoU of M_t.
        motion_iou_after: IoU of M_{t+1}.
        motion_iou: Their mean.
        motion_iou_without_agent: The mean with the pixels of hands and robots left out, over the images in which those
            are annotated.
        false_motion: Share of the frame that is said to have moved, over the images in which nothing did.
    """

    motion_iou_before: float | None
    motion_iou_after: float | None
    motion_iou: float | None
    motion_iou_without_agent: float | None
    false_motion: float | None


@dataclass(frozen=True)
class ClipPartScores:
    """Parts of one method against the annotated ones.

    Attributes:
        miou: Mean IoU.
        mape: Error of the number of parts.
        hd95: In pixels of the network's images.
    """

    miou: float
    mape: float
    hd95: float


@dataclass(frozen=True)
class MethodScores(MotionScores):
    """Scores of one method in a clip, its motion scores as means over the interactions.

    Attributes:
        parts: None where the clip has no annotated parts.
    """

    parts: ClipPartScores | None


@dataclass(frozen=True)
class ClipPair(MotionScores):
    """One interaction in a clip, with the motion scores of the agent.

    Attributes:
        before: Number of the frame before.
        after: Number of the frame after.
        baselines: Motion scores by classical method.
    """

    before: int
    after: int
    baselines: dict[str, MotionScores]


@dataclass(frozen=True)
class ClipScores(MethodScores):
    """One clip, with the scores of the agent.

    Attributes:
        name: Of the clip.
        baselines: Scores by classical method.
        found: Whether the interactions were found, not given.
        interactions: In order.
        image: File of the image.
        video: File of the video.
        kind: What moves, as the clip says it; may be empty.
        agent_in_view: Whether hands or robots are seen, as the clip says it; may be empty.
    """

    name: str
    baselines: dict[str, MethodScores]
    found: bool
    interactions: list[ClipPair]
    image: str
    video: str
    kind: str
    agent_in_view: str


@dataclass(frozen=True)
class ClipMeans:
    """Means of one method over clips, each None where no clip has the score.

    Attributes:
        motion_iou: Over the clips in which something moved.
        interval: Its 95 % bootstrap interval over clips; None for fewer than two.
        motion_iou_without_agent: Over the clips in which hands or robots are annotated.
        false_motion: Over the clips in which nothing moved.
    """

    motion_iou: float | None
    interval: tuple[float, float] | None
    motion_iou_without_agent: float | None
    false_motion: float | None


@dataclass(frozen=True)
class ClipGroup:
    """Clips of one kind.

    Attributes:
        key: What they have in common: ``kind`` or ``agent_in_view``.
        value: What their clips say of it.
        clips: How many.
        means: By method, ``agent`` among them.
    """

    key: str
    value: str
    clips: int
    means: dict[str, ClipMeans]


@dataclass(frozen=True)
class ClipsResult(Result):
    """Motion in real clips.

    Version 1 called ``image`` ``picture``. Before version 3 there were no still pairs, agents and groups, and optical
    flow was computed at the network's resolution.

    Attributes:
        weights: Name or folder of the weights.
        resolution: Side of the network's images.
        seed: Of PyTorch's random numbers.
        clips: One for each.
        means: Over all clips by method, ``agent`` among them.
        groups: The same over the clips of one kind, where clips say of what kind they are.
    """

    VERSION: ClassVar[int] = 3
    WRITTEN_BY: ClassVar[str] = "atp clip"

    weights: str
    resolution: int
    seed: int
    clips: list[ClipScores]
    means: dict[str, ClipMeans]
    groups: list[ClipGroup]

    @property
    def mean_motion_iou(self) -> float | None:
        """Of the agent."""
        return self.means["agent"].motion_iou

    @classmethod
    def upgrade(cls, value: dict[str, Any]) -> dict[str, Any]:
        """See :class:`Result`."""
        kept = {key: each for key, each in value.items() if key not in ("mean_motion_iou", "mean_baselines")}
        ious = {"agent": value.get("mean_motion_iou"), **(value.get("mean_baselines") or {})}
        nothing = {"interval": None, "motion_iou_without_agent": None, "false_motion": None}
        means = {method: {"motion_iou": iou, **nothing} for method, iou in ious.items()}
        clips = [_scored(_renamed(clip, picture="image")) for clip in _list(value, "clips")]
        return {**kept, "clips": clips, "means": means, "groups": []}


# --- benchmark ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PerceptionScores:
    """Motion masks of one method on pairs of images.

    Attributes:
        motion_iou: Mean where something moved.
        false_motion_rate: Share of the others in which something was taken to move.
    """

    motion_iou: float | None
    false_motion_rate: float | None


#: What a row of results has besides its scores.
ROW_KEYS = ("policy", "category", "split", "variant", "episodes", "spread", "perception", "object")
#: Ends the key of a score after each interaction.
BY_INTERACTION = "_by_interaction"
#: Ablations by the names that they had in version 1.
OLD_VARIANTS = {"credulous": "no-confidence-gate", "no-doubts": "no-reexamination", "anywhere": "no-foreground"}


@dataclass(frozen=True)
class EvalRow:
    """One policy, as it is or changed, with objects of one category.

    In JSON the scores stand in the row itself, and scores after each interaction as ``KEY_by_interaction``.

    Attributes:
        policy: Name of the policy.
        category: Of the objects; the object's name where it is one of the user's that says no category.
        split: Of the objects; empty for an object of the user's.
        variant: Name of the ablation; empty for the agent as it is.
        episodes: Over all seeds.
        scores: Means over the seeds by key of :data:`atp.metrics.METRICS`.
        spread: Standard deviations over the seeds, likewise.
        by_interaction: Scores after each interaction, likewise.
        perception: For ``ours``: scores of the classical methods by name, on the pairs of images that it made.
        object: Path of the user's object; empty for a category of the package.
    """

    policy: str
    category: str
    split: str
    variant: str
    episodes: int
    scores: dict[str, float | None]
    spread: dict[str, float | None]
    by_interaction: dict[str, list[float | None]]
    perception: dict[str, PerceptionScores] | None = None
    object: str = ""

    @staticmethod
    def unpacked(value: dict[str, Any]) -> dict[str, Any]:
        """From the layout of the file."""
        fixed = {key: value[key] for key in ROW_KEYS if key in value}
        scores = {key: each for key, each in value.items() if key not in ROW_KEYS}
        steps = {key: each for key, each in scores.items() if key.endswith(BY_INTERACTION)}
        return {
            **fixed,
            "scores": {key: each for key, each in scores.items() if key not in steps},
            "by_interaction": {key.removesuffix(BY_INTERACTION): each for key, each in steps.items()},
        }

    @staticmethod
    def packed(value: dict[str, Any]) -> dict[str, Any]:
        """To the layout of the file."""
        row = {key: value[key] for key in ROW_KEYS if value[key] not in (None, "") or key in ("split", "variant")}
        perception: dict[str, Any] = {key: row.pop(key) for key in ("perception", "object") if key in row}
        for key, score in value["scores"].items():
            row[key] = score
            if key in value["by_interaction"]:
                row[key + BY_INTERACTION] = value["by_interaction"][key]
        return {**row, **perception}


@dataclass(frozen=True)
class EvalResult(Result):
    """Scores of policies. Version 1 had other names for three ablations and no ``options``.

    Attributes:
        command: That made it.
        weights: Name or folder of the weights.
        weights_digest: Of their files.
        code_digest: Of the source of the agent, the environment and the objects.
        suite: Name of the suite; empty if none was asked for.
        seeds: Of the episodes.
        seconds: That the last run of the command took.
        cores: Of the machine.
        rows: One for each policy, category and ablation.
        options: Of the agent, see :class:`atp.agent.Agent`; empty where they are not known.
    """

    VERSION: ClassVar[int] = 2
    WRITTEN_BY: ClassVar[str] = "atp eval"

    command: str
    weights: str
    weights_digest: str
    code_digest: str
    suite: str
    seeds: list[int]
    seconds: float
    cores: int
    rows: list[EvalRow]
    options: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def upgrade(cls, value: dict[str, Any]) -> dict[str, Any]:
        """See :class:`Result`."""

        def renamed(row: Any) -> Any:
            return {**row, "variant": OLD_VARIANTS.get(row.get("variant"), row.get("variant"))}

        return {**value, "rows": [renamed(row) if isinstance(row, dict) else row for row in _list(value, "rows")]}


@dataclass(frozen=True)
class RobustnessRow:
    """Synthetic image pairs with one kind of variation; in JSON every method's scores stand in the row itself.

    Attributes:
        variation: What varies: a name of :class:`envs.image_pairs.ImagePairConfig`, ``none`` or ``all``.
        pairs: Pairs that were scored.
        methods: Scores by method: ``agent`` and the classical ones.
    """

    variation: str
    pairs: int
    methods: dict[str, PerceptionScores]

    @staticmethod
    def unpacked(value: dict[str, Any]) -> dict[str, Any]:
        """From the layout of the file."""
        fixed: dict[str, Any] = {key: value[key] for key in ("variation", "pairs") if key in value}
        return {**fixed, "methods": {key: each for key, each in value.items() if key not in fixed}}

    @staticmethod
    def packed(value: dict[str, Any]) -> dict[str, Any]:
        """To the layout of the file."""
        return {"variation": value["variation"], "pairs": value["pairs"], **value["methods"]}


@dataclass(frozen=True)
class RobustnessResult(Result):
    """Motion masks under one kind of variation at a time. Version 1 called variations shifts.

    Attributes:
        command: That made it.
        weights: Name or folder of the weights.
        variations: One row for each.
    """

    VERSION: ClassVar[int] = 2
    WRITTEN_BY: ClassVar[str] = "atp robustness"

    command: str
    weights: str
    variations: list[RobustnessRow]

    @classmethod
    def upgrade(cls, value: dict[str, Any]) -> dict[str, Any]:
        """See :class:`Result`."""
        value = _command(_renamed(value, shifts="variations"))
        return {**value, "variations": [_renamed(row, shift="variation") for row in _list(value, "variations")]}


@dataclass(frozen=True)
class LeaveOneOutRow:
    """A short training of perception without one kind of variation.

    Attributes:
        without: What was left out; empty for the training with all.
        variations: Motion IoU on pairs with one kind of variation, by its name, and with ``all``.
        clips: Motion IoU by clip; None without annotated masks.
    """

    without: str
    variations: dict[str, float | None]
    clips: dict[str, float | None]


@dataclass(frozen=True)
class LeaveOneOutResult(Result):
    """Leave-one-out ablation of the augmentation. Version 1 called variations shifts.

    Attributes:
        command: That made it.
        steps: Gradient steps of each training.
        options: What decides the scores.
        rows: The training with all variations, and one without each.
    """

    VERSION: ClassVar[int] = 2
    WRITTEN_BY: ClassVar[str] = "python -m train.leave_one_out"

    command: str
    steps: int
    options: dict[str, Any]
    rows: list[LeaveOneOutRow]

    @classmethod
    def upgrade(cls, value: dict[str, Any]) -> dict[str, Any]:
        """See :class:`Result`."""
        return {**_command(value), "rows": [_renamed(row, shifts="variations") for row in _list(value, "rows")]}


# --- model soups --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PairedTest:
    """McNemar's exact test against the best single checkpoint.

    Attributes:
        gained: Examples that are right here alone.
        lost: Examples that are right there alone.
        p: Of the test.
    """

    gained: int
    lost: int
    p: float


@dataclass(frozen=True)
class ComparisonRow:
    """One way to use the checkpoints.

    Attributes:
        way: Its name, such as ``greedy soup``; single checkpoints begin with ``ingredient``.
        held_out: Accuracy on the set that chose; None where it is not known.
        tests: Accuracy by test.
        chosen: Indices of the checkpoints, or weights of a learned soup.
        paired: Against the best single checkpoint, by test; empty for scores that others computed.
    """

    way: str
    held_out: float | None
    tests: dict[str, float]
    chosen: list[float] = field(default_factory=list)
    paired: dict[str, PairedTest] = field(default_factory=dict)


@dataclass(frozen=True)
class FineTunePair:
    """Two fine-tunes half-way between each other (Model soups, arXiv 2203.05482, sec. 4).

    Attributes:
        one: Index of the one.
        other: Index of the other.
        angle: Between their displacements, degrees.
        barrier: Loss half-way minus the mean loss of the two.
        difference: Loss of their soup minus that of their ensemble.
        approximation: What the paper says of it.
        soup_loss: Loss of the soup.
        ensemble_loss: Loss of the ensemble.
        curvature: Second derivative of the soup's loss.
        variance: Of the difference of their logits.
        rates: Their learning rates.
    """

    one: int
    other: int
    angle: float
    barrier: float
    difference: float
    approximation: float
    soup_loss: float
    ensemble_loss: float
    curvature: float
    variance: float
    rates: tuple[float, float]


@dataclass(frozen=True)
class Comparison(Result):
    """Soups, ensembles and single checkpoints side by side.

    Attributes:
        ingredients: Names of the checkpoints.
        rows: One for each way.
        in_distribution: Name of the in-distribution test.
        shifted: Names of the shifted tests.
        command: That made it; empty for a part of a sweep.
        pairs: Every two fine-tunes, in a sweep.
        recipes: Options of the fine-tunes, in a sweep.
    """

    WRITTEN_BY: ClassVar[str] = "atp soup"

    ingredients: list[str]
    rows: list[ComparisonRow]
    in_distribution: str
    shifted: list[str]
    command: str = ""
    pairs: list[FineTunePair] = field(default_factory=list)
    recipes: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class SweepRow:
    """One way to use the fine-tunes, over the seeds of a sweep.

    Attributes:
        way: Its name.
        held_out: Accuracy on the set that chose.
        tests: Accuracy by test.
        shifted: Mean accuracy over the shifted tests.
        gain: Over the best single fine-tune, on the in-distribution test (by its name) and ``shifted``.
        paired: McNemar's p of each seed, by test.
    """

    way: str
    held_out: Spread
    tests: dict[str, Spread]
    shifted: Spread
    gain: dict[str, Spread]
    paired: dict[str, list[float]]


@dataclass(frozen=True)
class SweepPair(FineTunePair):
    """Two fine-tunes of one seed.

    Attributes:
        seed: Of the sweep.
        low: Whether the learning rates of both lie in the lower half of their sweep.
        high: Whether they lie in the upper half.
    """

    seed: int
    low: bool
    high: bool


@dataclass(frozen=True)
class SweepResult(Result):
    """Comparisons of several sweeps, one a seed.

    Attributes:
        command: That made it.
        seeds: How many.
        rows: One for each way but single fine-tunes.
        in_distribution: Name of the in-distribution test.
        shifted: Names of the shifted tests.
        pairs: Every two fine-tunes of all seeds.
    """

    WRITTEN_BY: ClassVar[str] = "python -m train.sweep"

    command: str
    seeds: int
    rows: list[SweepRow]
    in_distribution: str
    shifted: list[str]
    pairs: list[SweepPair]


@dataclass(frozen=True)
class NetworkChoice:
    """Which fine-tunes of one network were chosen.

    Attributes:
        singles: Held-out score of each.
        best: Index of the best.
        greedy: Indices of the greedy soup.
        held_out: Held-out scores by way.
    """

    singles: list[float]
    best: int
    greedy: list[int]
    held_out: dict[str, float]


@dataclass(frozen=True)
class AgentSoupsSeed:
    """One sweep of fine-tunes of the agent.

    Attributes:
        chosen: By network: ``interaction`` and ``part``.
        scores: By way, by group (``unseen``, ``stress``, ``robustness``) and by category or variation.
    """

    chosen: dict[str, NetworkChoice]
    scores: dict[str, dict[str, dict[str, float]]]


@dataclass(frozen=True)
class AgentSoupsResult(Result):
    """Soups of the agent itself. Version 1 called the group ``robustness`` ``shifts``.

    Attributes:
        command: That made it.
        options: Of the command.
        seeds: One sweep each.
    """

    VERSION: ClassVar[int] = 2
    WRITTEN_BY: ClassVar[str] = "python -m train.agent_soups"

    command: str
    options: dict[str, Any]
    seeds: list[AgentSoupsSeed]

    @classmethod
    def upgrade(cls, value: dict[str, Any]) -> dict[str, Any]:
        """See :class:`Result`."""

        def renamed(seed: Any) -> Any:
            scores = seed.get("scores") if isinstance(seed, dict) else None
            if not isinstance(scores, dict):
                return seed
            return {**seed, "scores": {way: _renamed(each, shifts="robustness") for way, each in scores.items()}}

        return {**value, "seeds": [renamed(seed) for seed in _list(value, "seeds")]}


# --- speed --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class StepTimes:
    """A step of the environment against the bare PyBullet calls in it.

    Attributes:
        step_over_bare: Ratio.
        step_ms: Milliseconds of a step.
        bare_ms: Milliseconds of the bare calls.
        steps: Of a measurement.
    """

    step_over_bare: float
    step_ms: float
    bare_ms: float
    steps: int


@dataclass(frozen=True)
class Scaling:
    """Two workers against one, beside bare PyBullet processes; rates in interactions a second.

    Attributes:
        two_workers_over_one: Ratio.
        two_bare_processes_over_one: Ratio.
        share_of_bare: The first over the second.
        rate_of_one: Of one worker.
        rate_of_two: Of two.
    """

    two_workers_over_one: float
    two_bare_processes_over_one: float
    share_of_bare: float
    rate_of_one: float
    rate_of_two: float


@dataclass(frozen=True)
class VectorRates:
    """The pool against other vector environments; rates in interactions a second.

    Attributes:
        rate_pool: Of the pool.
        rate_async_vector_env: Of Gymnasium's ``AsyncVectorEnv``.
        rate_subproc_vec_env: Of stable-baselines3's ``SubprocVecEnv``.
        pool_over_async_vector_env: Ratio.
        pool_over_subproc_vec_env: Ratio.
    """

    rate_pool: float
    rate_async_vector_env: float
    rate_subproc_vec_env: float
    pool_over_async_vector_env: float
    pool_over_subproc_vec_env: float


@dataclass(frozen=True)
class RolloutTimes:
    """Playing in many environments.

    Attributes:
        interactions: Of a measurement.
        scaling: With workers.
        environments: Against others, by the number of environments.
    """

    interactions: int
    scaling: Scaling
    environments: dict[str, VectorRates]


@dataclass(frozen=True)
class TrainingTimes:
    """Training against playing and learning alone.

    Attributes:
        device: Where the networks computed.
        over_sum: Ratio to the sum of the two.
        over_larger: Ratio to the larger of the two.
        interactions_per_second: In training.
        interactions_per_second_playing_alone: Without learning.
        interactions_per_second_learning_alone: Without playing.
        gradient_steps_per_second: Without playing.
    """

    device: str
    over_sum: float
    over_larger: float
    interactions_per_second: float
    interactions_per_second_playing_alone: float
    interactions_per_second_learning_alone: float
    gradient_steps_per_second: float


@dataclass(frozen=True)
class ActingTimes:
    """Choosing an action, by way: ``one_pass``, ``eight_views``, ``rotated_passes``.

    Attributes:
        device: Where the networks computed.
        choices: Of a measurement.
        choice_ms: Milliseconds of a choice, by way.
        choice_over_one_pass: Ratio, by way.
        batch_ms: Milliseconds of each of a batch with one pass, by the batch's size.
    """

    device: str
    choices: int
    choice_ms: dict[str, float]
    choice_over_one_pass: dict[str, float]
    batch_ms: dict[str, float]


@dataclass(frozen=True)
class StepCost:
    """Of a step.

    Attributes:
        step_ms: Milliseconds.
        over_bare: Ratio to the bare calls in it.
    """

    step_ms: float
    over_bare: float


@dataclass(frozen=True)
class StepCosts:
    """What a step costs.

    Attributes:
        by_resolution: By the side of the image.
        by_links: By the number of links that move.
    """

    by_resolution: dict[str, StepCost]
    by_links: dict[str, StepCost]


@dataclass(frozen=True)
class SoupTimes:
    """Averaging checkpoints.

    Attributes:
        uniform_over_reading: The uniform soup against reading the files.
        uniform_over_loading: The same against loading them.
        files: How many.
        megabytes: Of each.
    """

    uniform_over_reading: float
    uniform_over_loading: float
    files: int
    megabytes: int


@dataclass(frozen=True)
class BenchResult(Result):
    """What things cost, as medians; a part that was not measured is None.

    Attributes:
        repeats: Measurements of each.
        cores: Of the machine.
        step: See :mod:`train.bench.step`.
        rollouts: See :mod:`train.bench.rollouts`.
        training: See :mod:`train.bench.training`.
        acting: See :mod:`train.bench.acting`.
        cost: See :mod:`train.bench.cost`.
        soups: See :mod:`train.bench.soup_mixing`.
    """

    WRITTEN_BY: ClassVar[str] = "python -m train.bench"

    repeats: int
    cores: int
    step: StepTimes | None = None
    rollouts: RolloutTimes | None = None
    training: TrainingTimes | None = None
    acting: ActingTimes | None = None
    cost: StepCosts | None = None
    soups: SoupTimes | None = None


@dataclass(frozen=True)
class EnduranceResult(Result):
    """Whether workers grow.

    Attributes:
        interactions: That were played.
        resets: That were made.
        seconds: That it took.
        growth: Largest over the workers of the mean over the last tenth of the samples, over the mean over the tenth
            after the warm-up, minus 1; None before there are enough.
        megabytes: Resident memory at each sample, one list for each worker.
    """

    WRITTEN_BY: ClassVar[str] = "python -m train.bench.endurance"

    interactions: int
    resets: int
    seconds: int
    growth: float | None
    megabytes: list[list[float]]


# --- training -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CurveEntry:
    """What was played since the entry before; in JSON the rates stand in the entry itself.

    Attributes:
        interactions: Played so far.
        rates: By name: ``effective`` and ``optimal_first_n``, each of the ``policy`` in training and of ``random``
            actions, as in ``effective/policy``.
    """

    interactions: int
    rates: dict[str, float]

    @staticmethod
    def unpacked(value: dict[str, Any]) -> dict[str, Any]:
        """From the layout of the file."""
        fixed: dict[str, Any] = {"interactions": value["interactions"]} if "interactions" in value else {}
        return {**fixed, "rates": {key: each for key, each in value.items() if key != "interactions"}}

    @staticmethod
    def packed(value: dict[str, Any]) -> dict[str, Any]:
        """To the layout of the file."""
        return {"interactions": value["interactions"], **value["rates"]}


@dataclass(frozen=True)
class Curve(Result):
    """Learning curve of a training run. Version 1 was the list of entries alone.

    Attributes:
        entries: In order.
    """

    VERSION: ClassVar[int] = 2
    WRITTEN_BY: ClassVar[str] = "python -m train.atp_train"

    entries: list[CurveEntry]

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """See :class:`Result`."""
        return super().from_json({"entries": value} if isinstance(value, list) else value)
