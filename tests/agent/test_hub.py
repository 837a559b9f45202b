"""Agents on the Hugging Face Hub, against a server of ours that answers as the Hub does."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch

from atp import hub
from atp.agent import Agent
from atp.checkpoint import CheckpointError
from tiny_agent import tiny_agent

pytest.importorskip("huggingface_hub")
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Stub(ThreadingHTTPServer):
    """Files of repositories by name; what is committed is added."""

    files: dict[str, dict[str, bytes]]


class Answers(BaseHTTPRequestHandler):
    server: Stub

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""

    def say(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self) -> None:
        parts = self.path.partition("?")[0].strip("/").split("/")
        repository = "/".join(parts[2:4] if parts[0] == "api" else parts[:2])
        held = self.server.files.get(repository)
        if held is None:
            self.say(404, b'{"error": "Repository not found"}', X_Error_Code="RepoNotFound")
        elif parts[0] == "api" and "tree" in parts:
            tree = [{"type": "file", "path": name, "size": len(data), "oid": "0" * 40} for name, data in held.items()]
            self.say(200, json.dumps(tree).encode())
        elif parts[0] == "api":
            info = {"id": repository, "sha": COMMIT, "siblings": [{"rfilename": name} for name in held]}
            self.say(200, json.dumps(info).encode())
        elif (name := "/".join(parts[4:])) in held:
            tag = f'"{hashlib.sha1(held[name]).hexdigest()}"'
            self.say(200, held[name], ETag=tag, X_Repo_Commit=COMMIT)
        else:
            self.say(404, b"{}", X_Error_Code="EntryNotFound")

    do_HEAD = do_GET

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        parts = self.path.partition("?")[0].strip("/").split("/")
        address = f"http://127.0.0.1:{self.server.server_port}"
        if self.path == "/api/repos/create":
            wanted = json.loads(body)
            name = f"{wanted['organization']}/{wanted['name']}"
            self.server.files.setdefault(name, {})
            self.say(200, json.dumps({"url": f"{address}/{name}"}).encode())
        elif "preupload" in parts:
            files = [{**each, "uploadMode": "regular", "shouldIgnore": False} for each in json.loads(body)["files"]]
            self.say(200, json.dumps({"files": files}).encode())
        elif "commit" in parts:
            name = "/".join(parts[2:4])
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    self.server.files[name][line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            answer = {"success": True, "commitOid": COMMIT, "commitUrl": f"{address}/{name}/commit/{COMMIT}"}
            self.say(200, json.dumps(answer).encode())
        else:
            self.say(200, b"{}")


@pytest.fixture
def server() -> Iterator[Stub]:
    stub = Stub(("127.0.0.1", 0), Answers)
    stub.files = {}
    threading.Thread(target=stub.serve_forever, daemon=True).start()
    yield stub
    stub.shutdown()
    stub.server_close()


def run(server: Stub, home: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run Python for which the server is the Hub: its address is read when the library is imported."""
    there = {"HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}", "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1"}
    environment = {**os.environ, **there, "HF_HUB_DISABLE_TELEMETRY": "1", "NO_PROXY": "*"}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)


def test_an_agent_goes_to_the_hub_and_comes_back_the_same(server, tmp_path):
    agent = tiny_agent({"command": "python -m train.atp_train"}).replace(symmetries=3)
    agent.save_pretrained(tmp_path / "agent")
    sent = run(server, tmp_path, f"""
from atp import Agent
agent = Agent.from_pretrained({str(tmp_path / "agent")!r}, "cpu")
print(agent.push_to_hub("ada/agent", token="hf_x"))
""")  # fmt: skip
    assert sent.returncode == 0, sent.stderr
    assert sent.stdout.strip().endswith("/ada/agent")
    assert set(server.files["ada/agent"]) == {
        "config.json", "interaction.safetensors", "part.safetensors", "README.md"
    }  # fmt: skip
    card = server.files["ada/agent"]["README.md"].decode()
    assert card.startswith("---\nlicense: mit\nlibrary_name: act-the-part\n")
    assert "Agent.from_pretrained('ada/agent')" in card
    assert "python -m train.atp_train" in card

    server.files["ada/agent"]["evil.bin"] = b"a pickle"
    got = run(server, tmp_path, f"""
from atp import Agent
Agent.from_pretrained("ada/agent@main", "cpu").save_pretrained({str(tmp_path / "again")!r})
""")  # fmt: skip
    assert got.returncode == 0, got.stderr
    again = Agent.from_pretrained(tmp_path / "again", "cpu")
    assert again.options.symmetries == 3
    for key, value in Agent.from_pretrained(tmp_path / "agent", "cpu").interaction.state_dict().items():
        assert torch.equal(value, again.interaction.state_dict()[key])
    assert not list(tmp_path.rglob("evil.bin"))


def test_what_cannot_be_fetched_is_one_clear_error(server, tmp_path):
    server.files["ada/nothing"] = {"README.md": b"# Nothing"}
    code = """
from atp.checkpoint import CheckpointError, resolve_pretrained
for name in ("ada/none", "ada/nothing"):
    try:
        resolve_pretrained(name)
    except CheckpointError as error:
        print(error)
"""
    done = run(server, tmp_path, code)
    none, nothing = done.stdout.splitlines()
    assert none.startswith("ada/none: is no folder here, and cannot be fetched from the Hub (")
    assert nothing == "ada/nothing: holds no config.json, so it is no checkpoint of an agent"


def test_names_of_repositories(monkeypatch):
    with pytest.raises(CheckpointError, match="names: "):  # a path that is not there, and no repository
        Agent.from_pretrained("runs/policy/weights")
    with pytest.raises(CheckpointError, match="names: "):  # a mistake in a path
        Agent.from_pretrained("atp/weight")
    with pytest.raises(hub.HubError, match="must be org/repo"):
        tiny_agent().push_to_hub("agent")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(CheckpointError, match=r"ada/agent: .*act-the-part\[hub\]"):
        Agent.from_pretrained("ada/agent")


def test_the_card_names_every_stage_of_training():
    first = {"command": "one"}
    config = {"command": "zero", "perception": {"command": "two", "before": first}, "acting": {"command": "three"}}
    card = hub.model_card("ada/agent", config)
    assert [line.strip() for line in card.splitlines() if line.startswith("    ")] == ["zero", "one", "two", "three"]
