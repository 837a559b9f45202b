"""Draw pairs and show them on a sheet: before, after, what moved, agents."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from envs.rendered_pairs.pair_rendering import RenderedPair, render_pair
from envs.rendered_pairs.room_stock import make_stock
from envs.rendered_pairs.subject_library import training_library

_COLUMNS = 3


def main() -> None:
    """Read options, draw, write ``pairs.png``."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m envs.rendered_pairs")
    parser.add_argument("--out", type=Path, required=True, help="folder to write pairs.png to")
    parser.add_argument("--count", type=int, default=24, help="pairs; 0 draws none")
    parser.add_argument("--resolution", type=int, default=180, help="image side in pixels")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--sweethome", type=Path, help="make the stock first: Debian's package of furniture, or a library"
    )
    parser.add_argument("--surroundings", type=Path, help="likewise: what `npm pack @pmndrs/assets` fetched")
    options = parser.parse_args()
    if options.sweethome or options.surroundings:
        make_stock(options.sweethome, options.surroundings)
    library = training_library()
    if not options.count:
        return
    pairs, start = [], time.perf_counter()
    for number in range(options.count):
        pairs.append(render_pair(np.random.default_rng([options.seed, number]), library, resolution=options.resolution))
    seconds = (time.perf_counter() - start) / options.count
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "pairs.png"
    cv2.imwrite(str(path), sheet(pairs)[..., ::-1])
    print(f"{path}: {options.count} pairs, {seconds:.2f} s each")


def sheet(pairs: list[RenderedPair]) -> NDArray[np.uint8]:
    """Pairs as rows of four images (before, after, moved, agent), in columns; (h, w, 3) uint8."""
    rows = [np.concatenate([*pair.rgb, _flat(pair.moved), _flat(pair.agent)], axis=1) for pair in pairs]
    rows += [np.zeros_like(rows[0])] * (-len(rows) % _COLUMNS)
    lines = [np.concatenate(rows[k : k + _COLUMNS], axis=1) for k in range(0, len(rows), _COLUMNS)]
    return np.concatenate(lines)


def _flat(masks: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Two masks in one image: before red, after green, both yellow."""
    image = np.zeros((*masks.shape[1:], 3), np.uint8)
    image[..., 0], image[..., 1] = 255 * masks[0], 255 * masks[1]
    return image


if __name__ == "__main__":
    main()
