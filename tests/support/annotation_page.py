"""A small video, an annotation of it, and the page that serves both, for tests of `atp annotate`."""

from __future__ import annotations

import io
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from PIL import Image

from atp.annotation.annotation_session import AnnotationSession
from atp.annotation.server import AnnotationServer
from films import write_film

HEIGHT, WIDTH, FRAMES = 48, 64, 24
SQUARE = [[10, 20], [10, 29], [19, 29], [19, 20]]  # 10 x 10 pixels
TRIANGLE = [[0, 0], [4, 0], [4, 4]]  # 1 + 2 + 3 + 4 + 5 pixels
DRAWN = {
    "interactions": [
        {
            "before": 2,
            "after": 9,
            "polygons_before": [SQUARE],
            "polygons_after": [SQUARE, TRIANGLE],
            "hold": [5, 6],
            "push": [40, 63],
            "direction": 3,
        },
        {
            "before": 9,
            "after": 23,
            "polygons_before": [],
            "polygons_after": [TRIANGLE],
            "hold": None,
            "push": None,
            "direction": None,
        },
    ],
    "parts": [{"label": 1, "polygon": SQUARE}, {"label": 7, "polygon": TRIANGLE}],
}


def write_video(path: Path, rotation: int = 0) -> Path:
    """The grey of a frame says its number; groups of 5 frames with B-frames, so that seeking matters."""
    frames = np.full((FRAMES, HEIGHT, WIDTH, 3), 10, np.uint8)
    frames += 10 * np.arange(FRAMES, dtype=np.uint8)[:, None, None, None]
    frames[:, :16, :16] = (200, 40, 20)
    return write_film(path, frames, rotation=rotation, crf="5", bf="2", g="5")


def serve(session: AnnotationSession) -> Iterator[SimpleNamespace]:
    with AnnotationServer(session) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield SimpleNamespace(url=server.url, folder=session.folder, port=server.port, token=server.token)
        server.shutdown()
        thread.join()


def get(url: str, **headers: str) -> bytes:
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20) as answer:
        return answer.read()


def post(page: SimpleNamespace, data: object, path: str = "api/save", **headers: str) -> tuple[int, dict]:
    body = data if isinstance(data, bytes) else json.dumps(data).encode()
    headers = {"Content-Type": "application/json", **headers}
    request = urllib.request.Request(page.url + path, data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def pixels(jpeg: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(jpeg))).astype(int)


def grey(jpeg: bytes) -> float:
    return float(pixels(jpeg)[24:, 24:].mean())


def polygon_mask(*polygons: str) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    if "square" in polygons:
        mask[10:20, 20:30] = True
    if "triangle" in polygons:
        mask[:5, :5] |= np.tri(5, dtype=bool)
    return mask
