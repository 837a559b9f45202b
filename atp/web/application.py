"""The web application: routes of the page, below the guard."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from atp.web.guard import Guard
from atp.web.page_rooms import Rooms, StaleError

#: Bytes of a request, at most.
MOST_BYTES = 32 * 2**20
#: The files of the page and their types; no other is ever opened.
PAGE_FILES = {
    "": ("index.html", "text/html"),
    "style.css": ("style.css", "text/css"),
    "page.js": ("page.js", "text/javascript"),
    "maps.js": ("maps.js", "text/javascript"),
    "play.js": ("play.js", "text/javascript"),
}


class _TooLargeError(ValueError):
    """A request with too many bytes."""


def application(rooms: Rooms, token: str) -> Guard:
    """Make the application.

    Args:
        rooms: What answers; closed when the server ends.
        token: First part of every path.

    Returns:
        An ASGI application.
    """

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        rooms.close()

    async def push_maps(request: Request) -> Response:
        try:
            scene, row, col = (int(request.query_params.get(name, "")) for name in ("scene", "row", "col"))
        except ValueError as error:
            raise ValueError("scene, row and col must be whole numbers") from error
        maps = await run_in_threadpool(rooms.push_maps, scene, row, col)
        return Response(maps, media_type="application/octet-stream")

    async def look_at_picture(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(rooms.look_at_picture, await _body(request)))

    async def choices(_: Request) -> Response:
        return JSONResponse(rooms.choices())

    async def back(_: Request) -> Response:
        return JSONResponse(await run_in_threadpool(rooms.back))

    routes = [Route(f"/{name}", _page_file(*entry), methods=["GET"]) for name, entry in PAGE_FILES.items()]
    routes += [
        Route("/api/choices", choices, methods=["GET"]),
        Route("/api/maps/object", _of_json(rooms.look_at_object), methods=["POST"]),
        Route("/api/maps/picture", look_at_picture, methods=["POST"]),
        Route("/api/maps/push", push_maps, methods=["GET"]),
        Route("/api/play/begin", _of_json(rooms.begin), methods=["POST"]),
        Route("/api/play/step", _of_json(rooms.step), methods=["POST"]),
        Route("/api/play/back", back, methods=["POST"]),
    ]
    handlers: dict[Any, Callable[[Request, Exception], Response]] = {
        _TooLargeError: _refusal(413),
        StaleError: _refusal(409),
        ValueError: _refusal(400),
    }
    return Guard(Starlette(routes=routes, exception_handlers=handlers, lifespan=lifespan), token)


def _page_file(name: str, kind: str) -> Callable[[Request], Response]:
    body = (files("atp.web") / "static" / name).read_bytes()
    return lambda _: Response(body, media_type=kind)


def _of_json(answer: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        try:
            asked = json.loads(await _body(request))
        except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
            raise ValueError("the request must be JSON") from error
        if not isinstance(asked, dict):
            raise ValueError("the request must be a JSON object")
        return JSONResponse(await run_in_threadpool(answer, asked))

    return endpoint


async def _body(request: Request) -> bytes:
    """The body, refused as soon as it is too large, whatever its header says."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise _TooLargeError(f"a file may have {MOST_BYTES // 2**20} MiB at most")
    return bytes(body)


def _refusal(status: int) -> Callable[[Request, Exception], Response]:
    return lambda _, error: JSONResponse({"error": str(error)}, status)
