"""``atp live``: play with a real object; a person carries out what the agent chooses."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from PIL import Image

from assets.files import atomic_path
from atp.commands.loading import load_agent
from atp.commands.options.live import LiveOptions
from atp.drawing.export import write_png, write_video
from atp.drawing.film import FPS
from atp.live.cameras import Camera, RealSense, WatchedFolder, Webcam
from atp.results.live import LiveResult


def run(options: LiveOptions, camera: Camera | None = None) -> LiveResult:
    """Play, and write the clip, ``found_parts.png``, ``strip.png``, ``video.mp4`` and ``result.json``.

    What is written is whole after every interaction, however the session ends.

    Args:
        options: What to play with and where to write.
        camera: Used in place of the camera or folder in the options.

    Returns:
        What is written as ``result.json``: see :meth:`atp.live.live_session.LiveSession.result`.

    Raises:
        ClipError: An image cannot be read, or none comes; or there is a clip in the folder already.
        ValueError: An option does not make sense.
    """
    named = [options.camera is not None, options.folder is not None, options.realsense]
    if camera is None and sum(named) != 1:
        raise ValueError("name one source: --camera NUMBER, --folder PATH or --realsense")
    if options.interactions < 1:
        raise ValueError(f"--interactions must be at least 1, not {options.interactions}")
    import torch  # here, so that asking for help does not wait for PyTorch

    from atp.live.guide import Guide
    from atp.live.live_session import LiveSession

    torch.manual_seed(options.seed)
    agent = load_agent(options.weights, options.device).for_clips()  # so that a clip of the session says the same
    session = LiveSession(agent, options.out, options.steadies, options.resume)
    then = "add the next picture" if options.folder else "press Enter"
    with closing(camera or _open(options, session.images)) as opened:
        try:
            session.play(opened, options.interactions, Guide(options.out, then, options.window))
        finally:
            if session.steps:
                _write(session, options)
    return session.result()


def _open(options: LiveOptions, taken: int) -> Camera:
    if options.folder is not None:
        return WatchedFolder(options.folder, options.timeout, taken)
    if options.camera is not None:
        return Webcam(options.camera, _wait_for_enter)
    return RealSense(_wait_for_enter)


def _wait_for_enter() -> None:
    input("Enter takes a picture ")


def _write(session: Any, options: LiveOptions) -> None:
    """Everything that is made of the interactions done so far."""
    from atp.live.session_images import draw_strip, draw_video

    labels = session.labels()
    with atomic_path(options.out / "found_parts.png") as temporary:
        Image.fromarray(labels).save(temporary)
    write_png(options.out / "strip.png", draw_strip(session.steps, labels.shape))
    write_video(options.out / "video.mp4", draw_video(session.steps, labels.shape), FPS)
    for file in (options.out / "result.json", options.json):
        if file is not None:
            session.result().write(file)


def main(options: LiveOptions) -> None:
    """Run the command and say what was found."""
    result = run(options)
    print(f"{result.parts_found} parts: {options.out / 'strip.png'}  {options.out / 'video.mp4'}")
