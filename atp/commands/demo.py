"""``atp demo``: a page in the browser on which one plays with the agent."""

from __future__ import annotations

import secrets
import socket

from atp.commands.loading import load_agent
from atp.commands.options.demo import DemoOptions

HOST = "127.0.0.1"


def main(options: DemoOptions) -> None:
    """Serve the page until Ctrl-C.

    Raises:
        ImportError: The extra ``web`` is not installed.
        OSError: The port is in use.
        ValueError: An option does not make sense.
    """
    if not 0 <= options.port <= 65_535:
        raise ValueError(f"--port must be from 0 to 65535, got {options.port}")
    try:
        import uvicorn

        from atp.web.application import application
        from atp.web.page_rooms import Rooms
    except ModuleNotFoundError as error:
        if error.name not in ("starlette", "uvicorn"):
            raise
        raise ImportError("atp demo needs the extra web: pip install 'act-the-part[web]'") from error
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, options.port))
        except OSError as error:
            raise OSError(f"cannot listen at port {options.port} ({error}); choose another --port") from error
        print("loading the agent ...", flush=True)
        rooms = Rooms(load_agent(options.weights, options.device))
        token = secrets.token_urlsafe(18)
        print(f"open http://{HOST}:{listener.getsockname()[1]}/{token}/\nCtrl-C ends it", flush=True)
        config = uvicorn.Config(application(rooms, token), log_level="warning", access_log=False)
        uvicorn.Server(config).run([listener])
