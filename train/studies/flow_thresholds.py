"""By how many pixels optical flow must move a pixel of a clip to count: what does best on synthetic image pairs.

    python -m train.studies.flow_thresholds

The best thresholds stand in :mod:`atp.clips.clip_baselines`. No real clip is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tyro
from rich.console import Console

from atp.clips.clip_baselines import FLOW_SIDE, FLOWS
from atp.clips.steadying import match_light
from atp.jobs.progress import track
from atp.metrics import score_motion
from atp.reporting.tables import format_value, markdown_table, method_title
from envs.image_pairs import ImagePairConfig, synthesize_pair


@dataclass(frozen=True)
class ThresholdConfig:
    """Score optical flow with several thresholds on synthetic image pairs.

    Attributes:
        pairs: How many.
        thresholds: Pixels of an image of 320 x 320.
        seed: Of the first pair.
    """

    pairs: int = 200
    thresholds: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 6.0, 8.0, 12.0, 16.0)
    seed: int = 5_000_000


def flow_scores(config: ThresholdConfig) -> dict[str, list[float]]:
    """Mean motion IoU by method, one for each threshold."""
    scores: dict[str, list[list[float]]] = {name: [[] for _ in config.thresholds] for name in FLOWS}
    for index in track(range(config.pairs), "pairs", console=Console(stderr=True)):
        pair = synthesize_pair(np.random.default_rng(config.seed + index), ImagePairConfig(), FLOW_SIDE, 0.0)
        images = pair.rgb[0], match_light(*pair.rgb)  # as clips are looked at
        for name, segment in FLOWS.items():
            for threshold, found in zip(config.thresholds, scores[name], strict=True):
                found.append(score_motion(*segment(*images, threshold), *pair.moved)[0])
    return {name: [float(np.nanmean(found)) for found in each] for name, each in scores.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the scores and the best threshold of each method."""
    config = tyro.cli(
        ThresholdConfig, args=arguments, description=__doc__, prog="python -m train.studies.flow_thresholds"
    )
    scores = flow_scores(config)
    lines = [
        [method_title(name), *map(format_value, each), str(config.thresholds[int(np.argmax(each))])]
        for name, each in scores.items()
    ]
    print(markdown_table(["method", *(f"{threshold:g} px" for threshold in config.thresholds), "best"], lines))


if __name__ == "__main__":
    main()
