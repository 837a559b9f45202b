"""``atp annotate``: choose frames of a video and draw polygons over what moved, in the browser."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from atp.annotation.annotation_session import AnnotationSession
from atp.annotation.server import LOCAL, AnnotationServer


@dataclass(frozen=True)
class AnnotateOptions:
    """Choose frames of a video and draw polygons over what moved, in the browser; writes a clip folder."""

    path: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="PATH")]
    """A video file, a folder of images, or a clip folder to change further."""
    out: Path | None = None
    """Clip folder to write; not needed for a clip folder that is to be changed itself."""
    host: str = "127.0.0.1"
    """Address to listen at. The default is reached from this machine, or through ssh, alone."""
    port: int = 8765
    """Port to listen at; 0 for any that is free."""
    source: str = ""
    """Where the video comes from, to keep in clip.json."""
    licence: str = ""
    """Licence of the video, to keep in clip.json."""


def main(options: AnnotateOptions) -> None:
    """Serve the page until Ctrl-C."""
    if not 0 <= options.port <= 65_535:
        raise ValueError(f"--port must be from 0 to 65535, got {options.port}")
    print(f"reading {options.path} ...", flush=True)
    session = AnnotationSession(options.path, options.out, options.source, options.licence)
    with AnnotationServer(session, options.host, options.port) as server:
        try:
            print(welcome(server, os.environ), flush=True)
            server.serve_forever()
        except KeyboardInterrupt:
            with session.lock:  # a save in progress comes to its end
                pass
    print(f"\nsaved in {session.folder}" if session.revision else "\nended; nothing was saved", flush=True)


def welcome(server: AnnotationServer, environment: Mapping[str, str]) -> str:
    """What to tell the user: the address, and how to reach it from another machine over ssh."""
    frames = server.session.frames
    lines = [f"{frames.count} frames of {frames.shape[1]} x {frames.shape[0]}", f"open {server.url}"]
    connection = environment.get("SSH_CONNECTION", "").split()
    if len(connection) == 4 and server.host in LOCAL:
        address, port = connection[2:]
        option = "" if port == "22" else f"-p {port} "
        forward = f"{server.port}:{'[::1]' if server.host == '::1' else server.host}:{server.port}"
        lines.append(f"from the machine you sit at, first: ssh -L {forward} {option}{getpass.getuser()}@{address}")
    elif server.host not in LOCAL:
        lines.append("careful: other machines can reach this page, and what they send is not encrypted")
    return "\n".join([*lines, "Ctrl-C ends it"])
