from __future__ import annotations

import copy
import http.client
import io
import json
import re
import shutil
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import av
import numpy as np
import pytest
from PIL import Image

from atp.annotation.polygons import AnnotationError, parse_annotation, rasterise
from atp.annotation.server import MAX_BODY, AnnotationServer
from atp.annotation.session import AnnotationSession
from atp.cli import main
from atp.clips import frames as frames_module
from atp.clips import read_clip, read_frames
from atp.clips.frames import VideoFrames
from atp.commands.annotate import welcome
from atp.frame_action import FrameAction

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
    """The grey of a frame tells its number; groups of 5 pictures with B-frames, so that seeking matters."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.height, stream.width = HEIGHT, WIDTH
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "5", "bf": "2", "g": "5"}
        if rotation:
            stream.set_display_rotation(rotation)
        for number in range(FRAMES):
            rgb = np.full((HEIGHT, WIDTH, 3), 10 * number + 10, np.uint8)
            rgb[:16, :16] = (200, 40, 20)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("video") / "door.mp4")


def serve(session: AnnotationSession) -> Iterator[SimpleNamespace]:
    with AnnotationServer(session) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield SimpleNamespace(url=server.url, folder=session.folder, port=server.port, token=server.token)
        server.shutdown()
        thread.join()


@pytest.fixture
def page(video: Path, tmp_path: Path) -> Iterator[SimpleNamespace]:
    yield from serve(AnnotationSession(video, tmp_path / "clips" / "door", source="filmed", licence="CC0"))


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


# ---- frames ----


def test_frames_come_over_http_with_their_own_colours(page):
    for number in (0, 23, 7, 6, 5, 14, 22, 1):
        picture = get(f"{page.url}frame/{number}.jpg")
        assert pixels(picture).shape == (HEIGHT, WIDTH, 3)
        assert abs(grey(picture) - (10 * number + 10)) < 4, number
        assert np.abs(pixels(picture)[2:12, 2:12].mean((0, 1)) - (200, 40, 20)).max() < 12  # RGB, not BGR


def test_every_frame_is_that_of_the_clip_reader_in_any_order(video):
    frames = VideoFrames(video)
    true = read_frames(video, range(FRAMES))
    assert frames.count == FRAMES
    for number in np.random.default_rng(0).permutation(FRAMES):
        assert np.abs(pixels(frames.jpeg(int(number))) - true[number]).mean() < 2, number


def test_memory_is_bounded(video, monkeypatch):
    size = len(VideoFrames(video).jpeg(3))
    monkeypatch.setattr(frames_module, "CACHE_BYTES", 3 * size)
    frames = VideoFrames(video)
    for number in (*range(FRAMES), 2, 2, 20):
        assert abs(grey(frames.jpeg(number)) - (10 * number + 10)) < 4
        assert sum(map(len, frames._cache.values())) == frames._cached_bytes <= 3 * size


def test_a_video_taken_sideways_stands_upright(tmp_path):
    video = write_video(tmp_path / "side.mp4", rotation=90)
    frames = VideoFrames(video)
    assert frames.shape == (WIDTH, HEIGHT)
    assert np.abs(pixels(frames.jpeg(11)) - read_frames(video, [11])[11]).mean() < 2


def test_a_video_without_times_is_read_from_its_start(video, tmp_path):
    raw = tmp_path / "raw.h264"
    with av.open(str(video)) as source, av.open(str(raw), "w", format="h264") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    frames, true = VideoFrames(raw), read_frames(raw, range(FRAMES))
    assert frames.count == FRAMES
    for number in (20, 3, 4, 23):
        assert np.abs(pixels(frames.jpeg(number)) - true[number]).mean() < 2, number


# ---- saving ----


def test_saved_annotation_is_a_clip_with_the_masks_that_were_drawn(page):
    assert post(page, {"revision": 0, **DRAWN}) == (200, {"revision": 1})
    clip = read_clip(page.folder)
    assert (clip.name, clip.shape, clip.source, clip.licence) == ("door", (HEIGHT, WIDTH), "filmed", "CC0")
    first, second = clip.interactions
    assert (first.before, first.after, second.before, second.after) == (2, 9, 9, 23)
    assert first.moved_before.sum() == 100
    assert first.moved_after.sum() == 115
    assert np.array_equal(first.moved_before, polygon_mask("square"))
    assert np.array_equal(first.moved_after, polygon_mask("square", "triangle"))
    assert second.moved_before is None
    assert np.array_equal(second.moved_after, polygon_mask("triangle"))
    assert first.action == FrameAction((5, 6), (40, 63), 3)
    assert second.action == FrameAction()
    parts = json.loads((page.folder / "clip.json").read_text())["parts"]
    labels = np.asarray(Image.open(page.folder / parts))
    assert np.array_equal(labels, polygon_mask("square") + 7 * polygon_mask("triangle"))
    assert abs(read_frames(clip.footage.path, [9])[9][30, 40, 0] - 100) < 4


def test_saving_again_replaces_masks_and_keeps_what_others_put_there(page):
    assert post(page, {"revision": 0, **DRAWN})[0] == 200
    (page.folder / "notes").mkdir()
    (page.folder / "notes" / "a.txt").write_text("of mine")
    clip = json.loads((page.folder / "clip.json").read_text())
    (page.folder / "clip.json").write_text(json.dumps({**clip, "camera": "phone", "source": "corrected"}))
    less = {"interactions": [{"before": 0, "after": 5, "polygons_after": [SQUARE]}]}
    assert post(page, {"revision": 1, **less})[0] == 200
    read = read_clip(page.folder)
    assert len(read.interactions) == 1
    assert np.array_equal(read.interactions[0].moved_after, polygon_mask("square"))
    names = {file.name for file in page.folder.iterdir()}
    assert names == {"clip.json", "annotation.json", "video.mp4", "moved_after_0.png", "notes"}
    assert (page.folder / "notes" / "a.txt").read_text() == "of mine"
    clip = json.loads((page.folder / "clip.json").read_text())
    assert clip["camera"] == "phone"
    assert "parts" not in clip
    assert list(page.folder.parent.iterdir()) == [page.folder]  # no temporary folder stays


def test_a_page_that_is_behind_does_not_overwrite(page):
    assert post(page, {"revision": 0, **DRAWN})[0] == 200
    before = (page.folder / "annotation.json").read_bytes()
    status, told = post(page, {"revision": 0, "interactions": [{"before": 0, "after": 1}]})
    assert (status, told["revision"]) == (409, 1)
    assert (page.folder / "annotation.json").read_bytes() == before


def test_a_write_that_fails_leaves_the_old_clip(video, tmp_path, monkeypatch):
    session = AnnotationSession(video, tmp_path / "clip")
    session.save({"revision": 0, **DRAWN})
    files = {file.name: file.read_bytes() for file in session.folder.iterdir()}

    def full(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("atp.annotation.session.write_json", full)
    for page in serve(session):
        status, told = post(page, {"revision": 1, "interactions": [{"before": 0, "after": 1}]})
        assert (status, told) == (500, {"error": "disk full"})
    assert {file.name: file.read_bytes() for file in session.folder.iterdir()} == files
    assert list(tmp_path.iterdir()) == [session.folder]
    assert session.revision == 1


# ---- opening again ----


def test_opening_again_gives_the_same_polygons(page):
    post(page, {"revision": 0, **DRAWN})
    for again in serve(AnnotationSession(page.folder)):
        state = json.loads(get(again.url + "state"))
        assert state["annotation"] == DRAWN
        assert (state["frames"], state["height"], state["width"]) == (FRAMES, HEIGHT, WIDTH)
        moved = copy.deepcopy(DRAWN)
        moved["interactions"][0]["polygons_before"] = [TRIANGLE]
        assert post(again, {"revision": 0, **moved})[0] == 200
        assert post(again, {"revision": 1, **moved})[0] == 200
        assert abs(grey(get(f"{again.url}frame/12.jpg")) - 130) < 4
    clip = read_clip(page.folder)
    assert np.array_equal(clip.interactions[0].moved_before, polygon_mask("triangle"))
    assert clip.source == "filmed"


def test_a_recorded_clip_keeps_its_video_action_and_depth(video, tmp_path):
    clip = tmp_path / "clip"
    (clip / "far").mkdir(parents=True)
    (clip / "far" / "000000.png").write_bytes(b"depth")
    shutil.copy(video, clip / "Recording 1.mp4")
    action = {"hold": [1, 2], "push": [3, 4], "direction": 5}
    data = {"video": "Recording 1.mp4", "depth": "far", "interactions": [{"before": 3, "after": 4, **action}]}
    (clip / "clip.json").write_text(json.dumps(data))
    session = AnnotationSession(clip)
    drawn = session.annotation.interactions[0]
    assert (drawn.before, drawn.after, drawn.hold, drawn.push, drawn.direction) == (3, 4, (1, 2), (3, 4), 5)
    for revision in (0, 1):  # the second time the video has another name
        session.save({"revision": revision, **DRAWN})
    assert abs(grey(session.frames.jpeg(21)) - 220) < 4
    assert json.loads((clip / "clip.json").read_text())["depth"] == "far"
    assert (clip / "far" / "000000.png").read_bytes() == b"depth"
    assert read_clip(clip).interactions[0].moved_before.sum() == 100


def test_a_folder_of_pictures_in_the_order_of_their_names(tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in (2, 0, 1):
        Image.new("RGB", (WIDTH, HEIGHT), (80 * number, 0, 0)).save(pictures / f"{number:03}.png")
    (pictures / "readme.txt").write_text("not a picture")
    session = AnnotationSession(pictures, tmp_path / "clip")
    assert [round(pixels(session.frames.jpeg(n))[..., 0].mean() / 80) for n in range(3)] == [0, 1, 2]
    session.save({"revision": 0, "interactions": [{"before": 0, "after": 2, "polygons_before": [SQUARE]}]})
    assert json.loads((session.folder / "clip.json").read_text())["frames"] == "frames"
    copied = session.folder / "frames"
    assert sorted(file.name for file in copied.iterdir()) == ["000.png", "001.png", "002.png"]
    assert (copied / "001.png").stat().st_ino != (pictures / "001.png").stat().st_ino
    again = AnnotationSession(session.folder)
    again.save({"revision": 0, **json.loads(json.dumps(again.annotation.as_json()))})
    assert again.annotation == session.annotation
    assert round(pixels(again.frames.jpeg(2))[..., 0].mean()) in range(157, 164)
    assert len(list(copied.iterdir())) == 3


def test_nothing_is_overwritten_unasked(video, tmp_path):
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("")
    with pytest.raises(AnnotationError, match="not empty"):
        AnnotationSession(video, full)
    with pytest.raises(AnnotationError, match="--out"):
        AnnotationSession(video)
    session = AnnotationSession(video, tmp_path / "clip")
    session.save({"revision": 0, **DRAWN})
    with pytest.raises(AnnotationError, match="atp annotate"):
        AnnotationSession(video, session.folder)
    (session.folder / "annotation.json").unlink()  # now its masks are somebody else's
    with pytest.raises(AnnotationError, match="masks that were not drawn here"):
        AnnotationSession(session.folder)
    other = AnnotationSession(session.folder, tmp_path / "other")
    assert [drawn.before for drawn in other.annotation.interactions] == [2, 9]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ('{"format": 2, "interactions": []}', "format"),
        ('{"format": 1, "interactions": [{"before": 0, "after": 99}]}', r"interactions\[0\].after"),
    ],
)
def test_a_broken_annotation_is_named(text, message, video, tmp_path):
    session = AnnotationSession(video, tmp_path / "clip")
    session.save({"revision": 0, **DRAWN})
    (session.folder / "annotation.json").write_text(text)
    with pytest.raises(AnnotationError, match=f"annotation.json.*{message}"):
        AnnotationSession(session.folder)


@pytest.mark.parametrize("name", ["../door.mp4", "/etc/passwd", ".", "", 5])
def test_a_clip_may_not_name_files_outside_of_its_folder(name, tmp_path):
    (tmp_path / "clip").mkdir()
    data = {"video": name, "interactions": [{"before": 0, "after": 1}]}
    (tmp_path / "clip" / "clip.json").write_text(json.dumps(data))
    with pytest.raises(AnnotationError, match=r"leads out|needs a 'video'"):
        AnnotationSession(tmp_path / "clip")


# ---- what is refused ----


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
    status, told = post(page, body)
    assert status == 400
    assert message in told["error"]
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


# ---- page and command ----


def test_the_page_asks_for_nothing_from_elsewhere(page):
    with urllib.request.urlopen(page.url) as answer:
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        text = answer.read().decode()
    assert "http://" not in text
    assert "https://" not in text
    script = re.search(r"<script>(.*)</script>", text, re.DOTALL).group(1)
    assert script.count("\n") < 380
    assert set(re.findall(r'\$\("([\w-]+)"\)', script)) <= set(re.findall(r'id="([\w-]+)"', text))


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
        told = welcome(server, {"SSH_CONNECTION": "10.0.0.1 5000 10.0.0.2 2222"})
        assert f"ssh -L {server.port}:127.0.0.1:{server.port} -p 2222 " in told
        assert "@10.0.0.2" in told
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
        (["{here}", "--out", "{here}/../x"], "has no pictures"),
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
