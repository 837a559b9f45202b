"""Strips and videos of interactions: the same for ``atp play``, ``atp live`` and ``atp clip``.

Whoever has interactions to show says what is shown of each in a :class:`ShownInteraction`. There are two strips: with
one method a row is an interaction, with several it is a frame and a column a method. There are three videos, which
differ in what stands beside or over the scene, and when.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from atp.articulation.articulated_model import Articulation
from atp.drawing.film import Shot, film
from atp.drawing.grid import ACTION_LEGEND, Legend, strip
from atp.drawing.panel import Panel
from atp.drawing.primitives import AGENT_COLOUR, MOTION_COLOUR, TRUTH_COLOUR, fit
from atp.frame_action import NO_ACTION, FrameAction
from atp.types import Image, Labels, Mask


@dataclass(frozen=True, eq=False)
class Found:
    """What one method found of an interaction.

    Attributes:
        moved_before: bool (h, w), what it saw moving, in the frame before.
        moved_after: The same in the frame after.
        parts: uint8 (h, w), the parts it knows after the interaction, in the frame after; None to show none.
        notes: Texts below what moved before, what moved after, and the parts.
        joints: A model of the object as it is known then, in the pixels of the frame after; None to show none.
        agent_before: bool (h, w), what it took for a hand, an arm or a robot, in the frame before; None: none sought.
        agent_after: The same in the frame after.
    """

    moved_before: Mask
    moved_after: Mask
    parts: Labels | None = None
    notes: tuple[str, str, str] = ("", "", "")
    joints: Articulation | None = None
    agent_before: Mask | None = None
    agent_after: Mask | None = None


@dataclass(frozen=True, eq=False)
class ShownInteraction:
    """What is shown of one interaction.

    Attributes:
        before: uint8 (h, w, 3), the frame before.
        after: uint8 (h, w, 3), the frame after.
        found: What each method found, by its title; the agent's comes first.
        action: Where the object was held and pushed, as far as it is known.
        action_shape: (H, W) of the frame in whose pixels the action is; None for that of ``before``.
        true_before: bool, what truly moved, in the frame before; of any shape; None if not known.
        true_after: The same in the frame after.
        true_parts: uint8, the true parts in the frame after, of any shape; None if not known.
        numbers: Frame numbers before and after.
        note: A text below the action.
    """

    before: Image
    after: Image
    found: Mapping[str, Found]
    action: FrameAction = NO_ACTION
    action_shape: tuple[int, int] | None = None
    true_before: Mask | None = None
    true_after: Mask | None = None
    true_parts: Labels | None = None
    numbers: tuple[int, int] = (0, 1)
    note: str = ""

    @property
    def agent(self) -> Found:
        """What the first method found."""
        return next(iter(self.found.values()))

    def numbered(self) -> tuple[tuple[str, int], tuple[str, int]]:
        """What to call the two frames, and their numbers."""
        return ("before", self.numbers[0]), ("after", self.numbers[1])

    def planned(self, size: int) -> Image:
        """The frame before with the action in it, uint8, the longer side of ``size`` pixels."""
        return Panel(self.before, action=self.action, action_shape=self.action_shape).draw(size)

    def known_parts(self, size: int) -> Image:
        """The frame after with the agent's parts over it, and their joints where they are to be shown.

        Args:
            size: Longer side in pixels of an image with joints; one without is of the frame's size.
        """
        return _with_parts(self.after, self.agent, size)


def agent_strip(
    shown: Sequence[ShownInteraction], *, title: str = "", panel_size: int = 270, action_size: int = 720
) -> Image:
    """A row for each interaction: the action, what moved before and after, parts found so far, and true parts if known.

    Args:
        shown: One or more; of each, masks and labels have the shape of the frames.
        title: A line above.
        panel_size: Longer side of a panel in pixels.
        action_size: Longer side of the image into which an action is drawn before it becomes a panel.

    Returns:
        uint8 (H, W, 3).
    """
    captions = ["hold and push", "what moved: before", "what moved: after", "parts found so far"]
    with_truth = shown[0].true_parts is not None
    if with_truth:
        captions.append("true parts")
    rows, notes = [], []
    for entry in shown:
        found = entry.agent
        row = [
            entry.planned(action_size),
            Panel(entry.before, mask=found.moved_before).draw(),
            Panel(entry.after, mask=found.moved_after).draw(),
            entry.known_parts(action_size),
        ]
        texts = [entry.note, *found.notes]
        if with_truth:
            row.append(Panel(entry.after, labels=entry.true_parts).draw())
            texts.append("")
        rows.append(row)
        notes.append(texts)
    return strip(
        rows,
        captions,
        row_captions=[str(number) for number in range(1, len(shown) + 1)],
        notes=notes,
        legend=ACTION_LEGEND,
        title=title,
        panel_size=panel_size,
    )


def comparison_strip(shown: Sequence[ShownInteraction], *, title: str = "", panel_size: int = 300) -> Image:
    """Two rows for each interaction, the frames before and after: the frame alone, then what each method found.

    A last row shows the parts, where the last interaction has any.

    Args:
        shown: One or more, with the same methods.
        title: A line above.
        panel_size: Longer side of a panel in pixels.

    Returns:
        uint8 (H, W, 3).
    """
    rows, notes, row_captions = [], [], []
    for entry in shown:
        found = entry.found.values()
        plan = Panel(entry.before, action=entry.action, action_shape=entry.action_shape)
        before = [Panel(entry.before, one.moved_before, entry.true_before, agent=one.agent_before) for one in found]
        after = [Panel(entry.after, one.moved_after, entry.true_after, agent=one.agent_after) for one in found]
        rows += [[plan, *before], [Panel(entry.after), *after]]
        notes += [["", *(one.notes[moment] for one in found)] for moment in (0, 1)]
        row_captions += [f"{name}\n(frame {number})" for name, number in entry.numbered()]
    last = shown[-1]
    if last.agent.parts is not None:
        parts = [Panel(last.after, labels=one.parts, joints=one.joints) for one in last.found.values()]
        rows.append([Panel(last.after, labels=last.true_parts), *parts])
        notes.append(["", *(one.notes[2] for one in last.found.values())])
        row_captions.append("parts")
    actions = any(entry.action.hold or entry.action.push for entry in shown)
    return strip(
        [[panel.draw(panel_size) for panel in row] for row in rows],
        ["video", *last.found],
        row_captions=row_captions,
        notes=notes,
        legend=[*_motion_legend(shown), *(ACTION_LEGEND if actions else ())],
        title=title,
        panel_size=panel_size,
    )


def memory_video(
    shown: Sequence[ShownInteraction], *, panel_size: int = 360, action_size: int = 720
) -> Iterator[Image]:
    """A video with the scene and the action on the left, and the parts known so far on the right.

    Args:
        shown: One or more; labels have the shape of the frames.
        panel_size: Longer side of each half in pixels.
        action_size: As in :func:`agent_strip`.

    Yields:
        uint8 (H, W, 3), all of one size.
    """

    def shots() -> Iterator[Shot]:
        known: Found | None = None
        for entry in shown:
            memory = fit(_with_parts(entry.before, known, action_size), panel_size)
            plain, planned = fit(entry.before, panel_size), fit(entry.planned(action_size), panel_size)
            after, found = fit(entry.after, panel_size), fit(entry.known_parts(action_size), panel_size)
            yield Shot(_beside(plain, memory), 8)
            yield Shot(_beside(planned, memory), 20, fade=12)
            yield Shot(_beside(after, memory), 0, fade=8)
            yield Shot(_beside(after, found), 20)
            known = entry.agent

    return film(shots())


def action_video(
    shown: Sequence[ShownInteraction], *, panel_size: int = 480, action_size: int = 720
) -> Iterator[Image]:
    """A video of each action, then what is there after it, then the parts found so far.

    Args:
        shown: One or more; labels have the shape of the frames.
        panel_size: Longer side of the frame in the video in pixels.
        action_size: As in :func:`agent_strip`.

    Yields:
        uint8 (H, W, 3), all of one size.
    """

    def shots() -> Iterator[Shot]:
        for entry in shown:
            yield Shot(fit(entry.planned(action_size), panel_size), 25, fade=15)
            yield Shot(fit(entry.after, panel_size), 10, fade=10)
            yield Shot(fit(entry.known_parts(action_size), panel_size), 25)

    return film(shots())


def motion_video(shown: Sequence[ShownInteraction], *, panel_size: int = 480) -> Iterator[Image]:
    """A video of each frame before, then after, without and with what the agent saw moving.

    Args:
        shown: One or more.
        panel_size: Longer side of the frame in the video in pixels.

    Yields:
        uint8 (H, W, 3), all of one size.
    """
    legend = _motion_legend(shown)

    def shots() -> Iterator[Shot]:
        shape: tuple[int, int] | None = None
        for entry in shown:
            found = entry.agent
            first, second = (
                f"{name} (frame {number})" for name, number in zip(("before", "after"), entry.numbers, strict=True)
            )
            states = (
                (first, Panel(entry.before)),
                (first, Panel(entry.before, found.moved_before, entry.true_before, agent=found.agent_before)),
                (second, Panel(entry.after, found.moved_after, entry.true_after, agent=found.agent_after)),
                (second, Panel(entry.after)),
            )
            for place, (name, panel) in enumerate(states):
                image = strip([[panel.draw(panel_size)]], [name], legend=legend, panel_size=panel_size)
                shape = shape or (image.shape[0] + 8, image.shape[1] + 8)
                yield Shot(_padded(image, shape), 25, fade=15 if place < 3 else 0)

    return film(shots())


def _with_parts(image: Image, found: Found | None, size: int) -> Image:
    """An image with the parts over it, and with joints, where there are any, at ``size`` pixels, so that they show."""
    if found is None:
        return Panel(image).draw()
    return Panel(image, labels=found.parts, joints=found.joints).draw(None if found.joints is None else size)


def _motion_legend(shown: Sequence[ShownInteraction]) -> list[Legend]:
    legend = [Legend("moved, as found", MOTION_COLOUR)]
    if any(found.agent_before is not None for entry in shown for found in entry.found.values()):
        legend.append(Legend("hand or robot, as found", AGENT_COLOUR))
    if any(mask is not None for entry in shown for mask in (entry.true_before, entry.true_after)):
        legend.append(Legend("moved, as annotated", TRUTH_COLOUR, "outline"))
    return legend


def _beside(left: Image, right: Image) -> Image:
    return np.concatenate([left, right], axis=1)


def _padded(image: Image, shape: tuple[int, int]) -> Image:
    """The image with white below and to the right, at a shape: captions are not all of one length."""
    cut = image[: shape[0], : shape[1]]
    rest = [(0, whole - side) for whole, side in zip(shape, cut.shape[:2], strict=True)]
    return np.pad(cut, (*rest, (0, 0)), constant_values=255)
