"""The page of `atp demo`: who may ask, the room of the maps, the room of play."""

from __future__ import annotations

import base64
import io
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("starlette")
pytest.importorskip("httpx")
from starlette.testclient import TestClient

from atp.cli import main
from atp.networks import encoding
from atp.web.application import MOST_BYTES, PAGE_FILES, application
from atp.web.page_rooms import Rooms
from tiny_agent import SIDE, tiny_agent

TOKEN = "t0ken"
OBJECT = {"category": "pliers", "split": "test", "seed": 3}


@pytest.fixture(scope="module")
def agent():
    return tiny_agent(contrast=0.5)


@pytest.fixture
def page(agent):
    with TestClient(application(Rooms(agent), TOKEN), base_url=f"http://127.0.0.1/{TOKEN}/") as client:
        yield client


def png(width: int, height: int) -> bytes:
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    Image.fromarray(noise).save(file, format="PNG")
    return file.getvalue()


def pixels(url: str) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))))


def test_page_and_its_files_load_nothing_from_elsewhere(page):
    for name, (_, kind) in PAGE_FILES.items():
        answer = page.get(name)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(kind)
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert "http:" not in answer.text
        assert "https:" not in answer.text
        assert " style=" not in answer.text  # the policy forbids it


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
@pytest.mark.parametrize("name", [name for name in PAGE_FILES if name.endswith(".js")])
def test_scripts_have_no_error_of_syntax(page, tmp_path, name):
    script = tmp_path / Path(name).with_suffix(".mjs")
    script.write_text(page.get(name).text)
    subprocess.run(["node", "--check", str(script)], check=True, timeout=60)


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (f"/{TOKEN}x/", {}),
        ("/", {}),
        (f"/{TOKEN}/", {"host": "evil.example"}),
        (f"/{TOKEN}/", {"origin": "http://evil.example"}),
        (f"/{TOKEN}/", {"origin": "null"}),
    ],
)
def test_others_are_refused(page, path, headers):
    answer = page.get(f"http://127.0.0.1{path}", headers=headers)
    assert answer.status_code == 403
    assert answer.json()["error"]


def test_push_maps_are_those_of_the_network(page, agent):
    scene = page.post("api/maps/picture", content=png(2 * SIDE, 2 * SIDE)).json()
    assert (scene["height"], scene["width"]) == (SIDE, SIDE)
    answer = page.get("api/maps/push", params={"scene": scene["scene"], "row": 5, "col": 40})
    maps = np.frombuffer(answer.content, np.uint8).reshape(8, SIDE, SIDE)
    with torch.inference_mode():
        image = encoding.image_tensor(pixels(scene["image"]))
        memory = encoding.memory_tensor(np.zeros((SIDE, SIDE), np.uint8))
        hold, push = agent.interaction(image, memory, torch.tensor([[5, 40]]))
    np.testing.assert_allclose(maps / 255, push.sigmoid()[0].numpy(), atol=0.003)
    shown = np.frombuffer(base64.b64decode(scene["hold"]), np.uint8).reshape(SIDE, SIDE)
    np.testing.assert_allclose(shown / 255, hold.sigmoid()[0].numpy(), atol=0.003)


def test_pictures_of_any_shape_are_taken(page):
    scene = page.post("api/maps/picture", content=png(97, 61)).json()
    assert (scene["height"], scene["width"]) == (30, SIDE)
    answer = page.get("api/maps/push", params={"scene": scene["scene"], "row": 29, "col": 47})
    assert len(answer.content) == 8 * 30 * SIDE


def test_what_is_wrong_is_said(page):
    assert "JPEG" in page.post("api/maps/picture", content=b"no picture").json()["error"]
    assert "narrow" in page.post("api/maps/picture", content=png(200, 4)).json()["error"]
    assert page.post("api/maps/picture", content=bytes(MOST_BYTES + 1)).status_code == 413
    scene = page.post("api/maps/picture", content=png(SIDE, SIDE)).json()["scene"]
    outside = page.get("api/maps/push", params={"scene": scene, "row": 0, "col": SIDE})
    assert outside.status_code == 400
    assert page.get("api/maps/push", params={"scene": scene, "row": "x", "col": 0}).status_code == 400
    assert page.get("api/maps/push", params={"scene": scene - 1, "row": 0, "col": 0}).status_code == 409
    assert "choose" in page.post("api/play/step", json={}).json()["error"]
    assert "JSON" in page.post("api/play/begin", content=b"[").json()["error"]
    for wrong in ({"category": "unicorn"}, {"seed": -1}, {"seed": True}, {"policy": "none"}, {"split": "../.."}):
        assert page.post("api/play/begin", json={**OBJECT, **wrong}).status_code == 400
    assert page.get("../etc/passwd").status_code in (403, 404)


def test_play_steps_by_person_and_policy_and_is_taken_back(page):
    start = page.post("api/play/begin", json={**OBJECT, "policy": "act-random"}).json()
    assert start["steps"] == []
    assert start["true_parts"] > 1
    centre = SIDE // 2
    action = [centre, centre, centre, centre + 6, 2]
    first = page.post("api/play/step", json={"action": action}).json()
    assert [step["action"] for step in first["steps"]] == [action]
    second = page.post("api/play/step", json={}).json()
    assert len(second["steps"]) == 2
    back = page.post("api/play/back", json={}).json()
    assert back["steps"] == first["steps"]
    np.testing.assert_array_equal(pixels(back["image"]), pixels(first["image"]))
    np.testing.assert_array_equal(pixels(back["parts"]), pixels(first["parts"]))
    assert page.post("api/play/back", json={}).json() == start
    assert "take back" in page.post("api/play/back", json={}).json()["error"]
    assert page.post("api/play/step", json={"action": [0, 0, 0, SIDE, 0]}).status_code == 400
    assert page.post("api/play/step", json={"action": [0, 0, 0, True, 0]}).status_code == 400


def test_an_object_is_shown_with_its_maps(page):
    scene = page.post("api/maps/object", json=OBJECT).json()
    image = pixels(scene["image"])
    assert image.shape == (SIDE, SIDE, 3)
    assert image.std() > 1


def test_a_wrong_port_is_one_error(capsys):
    with pytest.raises(SystemExit):
        main(["demo", "--port", "70000"])
    assert "--port" in capsys.readouterr().err
