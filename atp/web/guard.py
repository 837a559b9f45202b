"""Who may ask the local server: requests to this machine, of the page itself, below the random token."""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from atp.annotation.server import LOCAL

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Guard:
    """Passes on what the page asks, with the token taken off the path, and refuses everything else.

    Args:
        app: What answers.
        token: First part of every path.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self.app = app
        self.token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, as ASGI asks it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # there are no web sockets here
            return
        token, _, path = str(scope["path"]).removeprefix("/").partition("/")
        wrong = _wrong_headers(Headers(scope=scope))
        if wrong is None and not secrets.compare_digest(token.encode("utf-8", "replace"), self.token.encode()):
            wrong = "open the whole address that atp demo printed"

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = POLICY
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "same-origin"
                headers["Cache-Control"] = "no-store"
            await send(message)

        if wrong is not None:
            await JSONResponse({"error": wrong}, 403)(scope, receive, send_safely)
        else:
            await self.app({**scope, "path": f"/{path}", "raw_path": f"/{path}".encode()}, receive, send_safely)


def _wrong_headers(headers: Headers) -> str | None:
    """What is wrong with host or origin: a foreign host means DNS rebinding, a foreign origin another page."""
    hosts = headers.getlist("host")
    try:
        known = len(hosts) == 1 and urlsplit(f"//{hosts[0]}").hostname in LOCAL
    except ValueError:
        known = False
    if not known:
        return "this host is not served here"
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != hosts[0]:
        return "another page may not ask here"
    return None
