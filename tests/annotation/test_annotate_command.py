"""The page and the command that serves it."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from annotation_page import (
    HEIGHT,
    SQUARE,
    WIDTH,
    get,
)
from atp.annotation.annotation_session import AnnotationSession
from atp.annotation.polygons import parse_annotation, rasterise
from atp.annotation.server import AnnotationServer
from atp.cli import main
from atp.commands.annotate import welcome


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_the_script_of_the_page_has_no_error_of_syntax(page, tmp_path):
    script = re.search(r"<script>(.*)</script>", get(page.url).decode(), re.DOTALL).group(1)
    (tmp_path / "page.js").write_text(script)
    subprocess.run(["node", "--check", str(tmp_path / "page.js")], check=True, timeout=60)


def test_the_page_is_installed_with_the_package():
    import tomllib

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert "annotation/page.html" in project["tool"]["setuptools"]["package-data"]["atp"]


def test_welcome_tells_how_to_come_over_ssh(video, tmp_path):
    session = AnnotationSession(video, tmp_path / "clip")
    with AnnotationServer(session) as server:
        assert urlsplit(server.url).netloc == f"127.0.0.1:{server.port}"
        assert len(server.token) >= 24
        assert server.url in welcome(server, {})
        assert "ssh" not in welcome(server, {})
        text = welcome(server, {"SSH_CONNECTION": "10.0.0.1 5000 10.0.0.2 2222"})
        assert f"ssh -L {server.port}:127.0.0.1:{server.port} -p 2222 " in text
        assert "@10.0.0.2" in text
        with pytest.raises(OSError, match="--port"):
            AnnotationServer(session, port=server.port)


def test_control_c_ends_the_command_cleanly(video, tmp_path):
    code = (  # Control-C is heeded also where these tests run in the background, as in a shell that ignores it there
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from pathlib import Path; from atp.commands.annotate import AnnotateOptions, main; import sys;"
        "main(AnnotateOptions(Path(sys.argv[1]), Path(sys.argv[2]), port=0))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(video), str(tmp_path / "clip")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    lines = [process.stdout.readline() for _ in range(4)]
    url = next(line.split()[1] for line in lines if line.startswith("open "))
    assert b"<canvas" in get(url)
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "nothing was saved" in out
    assert error == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no/such.mp4", "--out", "x"], "no/such.mp4"),
        (["{here}/text.mp4", "--out", "{here}/x"], "text.mp4"),
        (["{here}", "--out", "{here}/../x"], "has no images"),
        (["{video}", "--out", "{here}/x", "--port", "70000"], "--port"),
    ],
)
def test_mistakes_are_named(arguments, message, video, tmp_path, capsys):
    here = tmp_path / "here"
    here.mkdir()
    (here / "text.mp4").write_text("not a video")
    with pytest.raises(SystemExit) as stop:
        main(["annotate", *(text.format(here=here, video=video) for text in arguments)])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error


def test_polygons_are_joined_not_cut_out_of_one_another():
    inner = ((12, 22), (12, 24), (14, 24), (14, 22))
    outer = tuple(map(tuple, SQUARE))
    assert rasterise([outer, inner], (HEIGHT, WIDTH)).sum() == 100
    assert rasterise([], (HEIGHT, WIDTH)).sum() == 0
    line = parse_annotation(
        {"interactions": [{"before": 0, "after": 1, "polygons_after": [[[0, 0], [0, 9], [0, 4]]]}]},
        (5, 10),
        2,
    )
    assert rasterise(line.interactions[0].polygons_after, (5, 10)).sum() == 10
