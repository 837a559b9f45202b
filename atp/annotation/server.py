"""The local web server of the annotation page.

It answers four requests, below a path that is a random token: the page, ``state`` (JSON), ``frame/N.jpg`` and, by
POST, ``api/save``. It opens no file by a name that a request gives.
"""

from __future__ import annotations

import ipaddress
import json
import secrets
import socket
import socketserver
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from atp.annotation.annotation_session import AnnotationSession, ConflictError
from atp.annotation.polygons import AnnotationError, load_json
from atp.clips import ClipError

MAX_BODY = 8 * 2**20
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class _RefusedError(Exception):
    """A request that is not answered, with the status to say so."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class AnnotationServer(ThreadingHTTPServer):
    """Serves one session.

    Args:
        session: What is annotated.
        host: Address to listen at.
        port: Port; 0 for any that is free.

    Raises:
        OSError: The address is not this machine's or the port is in use; the message names both.
    """

    daemon_threads = True

    def __init__(self, session: AnnotationSession, host: str = "127.0.0.1", port: int = 0) -> None:
        self.session = session
        self.token = secrets.token_urlsafe(18)
        self.host = host
        if ":" in host:
            self.address_family = socket.AF_INET6
        self.page = (files("atp.annotation") / "page.html").read_bytes()
        try:
            super().__init__((host, port), _Handler)
        except (OSError, OverflowError) as error:
            raise OSError(f"cannot listen at {host}, port {port} ({error}); choose another --port") from error
        self.port = int(self.server_address[1])
        self.wildcard = host in ("", "0.0.0.0", "::")

    def server_bind(self) -> None:
        """Bind without asking a name server for the machine's name, which can take long."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.host, int(self.server_address[1])

    @property
    def url(self) -> str:
        """Address of the page."""
        host = socket.gethostname() if self.wildcard else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/{self.token}/"

    def knows_host(self, name: str | None) -> bool:
        """Whether a request may ask for this host: a foreign name means DNS rebinding."""
        if name is None:
            return False
        if name in LOCAL or name == self.host.lower():
            return True
        if not self.wildcard:
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name == socket.gethostname().lower()
        return True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that went away in the middle of an answer."""


class _Handler(BaseHTTPRequestHandler):
    server: AnnotationServer
    protocol_version = "HTTP/1.1"
    server_version = "atp"
    sys_version = ""
    timeout = 60  # seconds that a connection may be silent

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the terminal is for the user."""

    def _answer(self, respond: Any) -> None:
        try:
            status, kind, body = respond(self._path())
        except _RefusedError as error:
            status, kind, body = error.status, *_json({"error": str(error)})
        except ConflictError as error:
            status, kind, body = (
                HTTPStatus.CONFLICT,
                *_json({"error": str(error), "revision": error.revision}),
            )
        except AnnotationError as error:
            status, kind, body = HTTPStatus.BAD_REQUEST, *_json({"error": str(error)})
        except (OSError, ValueError) as error:
            status, kind, body = HTTPStatus.INTERNAL_SERVER_ERROR, *_json({"error": str(error)})
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "private, max-age=3600" if kind == "image/jpeg" else "no-store")
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "same-origin")
        if status >= HTTPStatus.BAD_REQUEST:
            self.send_header("Connection", "close")  # a body may be left unread
        self.end_headers()
        self.wfile.write(body)

    def _path(self) -> str:
        """The path below the token, once host, origin and token are those of the page."""
        hosts = self.headers.get_all("Host", [])
        if len(hosts) != 1 or not self.server.knows_host(_host(f"//{hosts[0]}")):
            raise _RefusedError(HTTPStatus.FORBIDDEN, "this host is not served here")
        origin = self.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != hosts[0]:
            raise _RefusedError(HTTPStatus.FORBIDDEN, "another page may not ask here")
        token, _, path = self.path.removeprefix("/").partition("/")
        if not secrets.compare_digest(token.encode("utf-8", "replace"), self.server.token.encode()):
            raise _RefusedError(HTTPStatus.FORBIDDEN, "open the whole address that atp annotate printed")
        return path

    def _get(self, path: str) -> tuple[HTTPStatus, str, bytes]:
        if path == "":
            return HTTPStatus.OK, "text/html; charset=utf-8", self.server.page
        if path == "state":
            return HTTPStatus.OK, *_json(self.server.session.state())
        number = path.removeprefix("frame/").removesuffix(".jpg")
        if path == f"frame/{number}.jpg" and number.isascii() and number.isdigit() and len(number) < 10:
            if int(number) >= self.server.session.frames.count:
                raise _RefusedError(HTTPStatus.NOT_FOUND, f"there is no frame {number}")
            try:
                return HTTPStatus.OK, "image/jpeg", self.server.session.frames.jpeg(int(number))
            except ClipError as error:
                raise _RefusedError(HTTPStatus.INTERNAL_SERVER_ERROR, str(error)) from error
        raise _RefusedError(HTTPStatus.NOT_FOUND, "there is nothing here")

    def _post(self, path: str) -> tuple[HTTPStatus, str, bytes]:
        if path != "api/save":
            raise _RefusedError(HTTPStatus.NOT_FOUND, "there is nothing here")
        if self.headers.get_content_type() != "application/json":
            raise _RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the body must be application/json")
        length = self.headers.get("Content-Length", "")
        if self.headers.get("Transfer-Encoding") or not (length.isascii() and length.isdigit()):
            raise _RefusedError(HTTPStatus.LENGTH_REQUIRED, "the body must tell its length")
        if len(length) > 12 or int(length) > MAX_BODY:
            raise _RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body may have {MAX_BODY} bytes at most")
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise _RefusedError(HTTPStatus.BAD_REQUEST, "the body is cut short")
        return HTTPStatus.OK, *_json({"revision": self.server.session.save(load_json(body, "the body"))})


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _json(value: Any) -> tuple[str, bytes]:
    return "application/json", json.dumps(value).encode()
