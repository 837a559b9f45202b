"""Requests: what is served, and what is refused."""

from __future__ import annotations

import copy
import http.client
import re
import urllib.error
import urllib.request
from types import SimpleNamespace

import pytest

from annotation_page import (
    DRAWN,
    FRAMES,
    SQUARE,
    post,
)
from atp.annotation.server import MAX_BODY


def changed(**entry: object) -> dict:
    data = copy.deepcopy(DRAWN)
    data["interactions"][0] |= entry
    return {"revision": 0, **data}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"revision": 0, "interactions": [', "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 200_000, "not JSON"),
        ([], "must be an object"),
        ({"revision": 0}, "'interactions' is missing"),
        ({"revision": 0, "interactions": []}, "from 1 to"),
        ({**changed(), "path": "elsewhere"}, "knows no 'path'"),
        (changed(polygons_before=[[*SQUARE, [48, 0]]]), "(row): must be from 0 to 47"),
        (changed(polygons_before=[[*SQUARE, [0, 64]]]), "(col): must be from 0 to 63"),
        (changed(polygons_after=[[*SQUARE, [-1, 0]]]), "(row): must be from 0"),
        (changed(polygons_after=[SQUARE[:2]]), "from 3 to"),
        (changed(polygons_after=[SQUARE * 600]), "from 3 to"),
        (changed(polygons_after=[[*SQUARE, [float("nan"), 0]]]), "NaN"),
        (changed(polygons_after=[[*SQUARE, [1.5, 0]]]), "whole number"),
        (changed(polygons_after=[[*SQUARE, [True, 0]]]), "whole number"),
        (changed(polygons_after=[[*SQUARE, [1, 2, 3]]]), "from 2 to 2"),
        (changed(polygons_after="all"), "must be a list"),
        (changed(after=FRAMES), "must be from 0 to 23"),
        (changed(after=10**400), "must be from 0 to 23"),
        (changed(before=-1), "must be from 0 to 23"),
        (changed(before=9), "must come earlier"),
        (changed(direction=8), "must be from 0 to 7"),
        (changed(hold=[0]), "from 2 to 2"),
        ({**changed(), "parts": [{"label": 0, "polygon": SQUARE}]}, "must be from 1 to 255"),
        ({**changed(), "parts": [{"label": 256, "polygon": SQUARE}]}, "must be from 1 to 255"),
    ],
)
def test_wrong_data_are_refused_and_nothing_is_written(body, message, page):
    status, answer = post(page, body)
    assert status == 400
    assert message in answer["error"]
    assert not page.folder.parent.exists()


def raw(page: SimpleNamespace, method: str, path: str, headers: dict[str, str]) -> int:
    """A request with these headers alone, and no body whatever they say of it."""
    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=20)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    status = connection.getresponse().status
    connection.close()
    return status


def test_requests_of_others_are_refused_and_nothing_is_written(page):
    host, save = {"Host": f"127.0.0.1:{page.port}"}, f"/{page.token}/api/save"
    kind = {"Content-Type": "application/json"}
    assert raw(page, "GET", f"/{page.token}/state", host) == 200
    assert raw(page, "GET", f"/{page.token}/state", {"Host": "localhost:9000"}) == 200  # forwarded by ssh
    for wrong in ("evil.example", f"evil.example:{page.port}", "127.0.0.1.evil.example", "[::1", ""):
        assert raw(page, "GET", f"/{page.token}/state", {"Host": wrong}) == 403, wrong
    assert raw(page, "GET", f"/{page.token}/state", {}) == 403
    for path in ("/", "/state", "/wrong/state", "/wrong/frame/0.jpg", f"/{page.token[:-1]}/", "/%C3%A9/"):
        assert raw(page, "GET", path, host) == 403, path
    for path in (
        "frame/24.jpg",
        "frame/-1.jpg",
        "frame/x.jpg",
        "frame/1e1.jpg",
        "frame/%C2%B2.jpg",
    ):
        assert raw(page, "GET", f"/{page.token}/{path}", host) == 404, path
    for path in (
        "../../etc/passwd",
        "frame/../../etc/passwd",
        "//etc/passwd",
        "door.mp4",
        "clip.json",
        "api/save",
    ):
        assert raw(page, "GET", f"/{page.token}/{path}", host) == 404, path
    small = {"Content-Length": "2"}
    assert raw(page, "POST", "/wrong/api/save", {**host, **kind, **small}) == 403
    assert raw(page, "POST", save, {**host, **kind, **small, "Origin": "http://evil.example"}) == 403
    assert raw(page, "POST", save, {"Host": "evil.example", **kind, **small}) == 403
    assert raw(page, "POST", save, {**host, **small, "Content-Type": "text/plain"}) == 415
    assert raw(page, "POST", save, {**host, **kind, "Content-Length": str(MAX_BODY + 1)}) == 413
    assert raw(page, "POST", save, {**host, **kind, "Content-Length": "9" * 5000}) == 413
    assert raw(page, "POST", save, {**host, **kind, "Content-Length": "-5"}) == 411
    assert raw(page, "POST", save, {**host, **kind, "Transfer-Encoding": "chunked"}) == 411
    assert raw(page, "POST", f"/{page.token}/state", {**host, **kind, **small}) == 404
    assert not page.folder.parent.exists()
    assert post(page, {"revision": 0, **DRAWN}, Origin=f"http://127.0.0.1:{page.port}")[0] == 200


def test_the_page_asks_for_nothing_from_elsewhere(page):
    with urllib.request.urlopen(page.url) as answer:
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        text = answer.read().decode()
    assert "http://" not in text
    assert "https://" not in text
    script = re.search(r"<script>(.*)</script>", text, re.DOTALL).group(1)
    assert script.count("\n") < 380
    assert set(re.findall(r'\$\("([\w-]+)"\)', script)) <= set(re.findall(r'id="([\w-]+)"', text))
