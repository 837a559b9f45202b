"""Kill long commands at random moments, spoil their files, and see that they end as if nothing had happened.

    make chaos

Each command runs once undisturbed. Then it is started again and again in another folder: it is killed at a random
moment (SIGKILL, SIGTERM, SIGINT, of the process or of its whole group), and now and then a file that it left is spoilt
(a flipped bit, a cut end). With a spoilt file it must either end with the undisturbed result or refuse with one clear
error; then the file is put back. In the end the results must be equal, no temporary file be left, and no process.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

PYTHON = sys.executable
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
#: Share of kills after which a file is spoilt, and seconds in which a command has to end.
SPOILT, PATIENCE = 0.4, 300
TRAIN = (
    "--total-interactions 120 --envs 2 --resolution 48 --learning-starts 20 --interactions-per-step 5 --replay-size 40 "
    "--checkpoint-every 30 --log-every 20 --threads 1 --device cpu --learner.width 8 --learner.batch-size 4"
)
SWEEP = "--seeds 1 --pairs 50 --sweep.task train.finetuning.digits:task --sweep.runs 3"


@dataclass(frozen=True)
class Command:
    """A command and what of its results has to be the same.

    Attributes:
        words: Its command line; ``{out}`` is its folder, ``{weights}`` those of a tiny agent.
        results: Files in the folder that have to be the same to the byte, patterns.
        scores: JSON files of which the rows have to be the same, patterns.
    """

    words: str
    results: tuple[str, ...] = ()
    scores: tuple[str, ...] = ()


COMMANDS = {
    "train": Command(f"-m train.atp_train --out {{out}} {TRAIN}", ("weights/*.safetensors", "replay.npy")),
    "record": Command(
        "-m train.record --weights {weights} --out {out} --total-interactions 60 --envs 2 --resolution 48 "
        "--checkpoint-every 10 --device cpu --threads 1",
        ("replay.npy",),
    ),
    "eval": Command(
        "-m atp.cli eval --weights {weights} --category pliers --policies ours,act-random --episodes 6 --workers 2 "
        "--out {out}/cells --json {out}/scores.json",
        scores=("scores.json",),
    ),
    "sweep": Command(f"-m train.sweep --out {{out}} {SWEEP}", scores=("soups.json",)),
}


def fingerprint(folder: Path, command: Command) -> dict[str, str]:
    """What has to be the same in two folders of results."""
    found = {}
    for pattern in command.results:
        for path in sorted(folder.glob(pattern)):
            found[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
    for pattern in command.scores:
        for path in sorted(folder.glob(pattern)):
            found[str(path.relative_to(folder))] = json.dumps(_timeless(json.loads(path.read_text())), sort_keys=True)
    if not found:
        raise AssertionError(f"{folder}: no results")
    return found


def _timeless(value: object) -> object:
    """A JSON value without durations and paths."""
    if isinstance(value, dict):
        left_out = ("seconds", "training_seconds", "command", "out", "cores", "machine", "weights")
        return {key: _timeless(each) for key, each in value.items() if key not in left_out}
    return [_timeless(each) for each in value] if isinstance(value, list) else value


class Trial:
    """One command, disturbed.

    Args:
        name: Of the command.
        folder: To work in.
        weights: Of a tiny agent.
        rng: Decides moments, signals and what is spoilt.
        say: Told what happens.
    """

    def __init__(self, name: str, folder: Path, weights: Path, rng: np.random.Generator, say: Callable[[str], None]):
        self.name, self.command, self.folder, self.rng, self.say = name, COMMANDS[name], folder, rng, say
        self.weights = weights
        self.counts: Counter[str] = Counter()

    def start(self, out: Path) -> subprocess.Popen[str]:
        """Start the command in a group of its own."""
        words = self.command.words.format(out=out, weights=self.weights).split()
        return subprocess.Popen(
            [PYTHON, *words], cwd=ROOT, text=True, start_new_session=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip

    def to_the_end(self, out: Path) -> tuple[int, str]:
        """Let it run; its exit status and what it said."""
        process = self.start(out)
        try:
            said, _ = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise AssertionError(f"{self.name} hangs: {process.communicate()[0][-2000:]}") from None
        return process.returncode, said

    def run(self, kills: int) -> None:
        """Run it undisturbed, then disturbed so many times, and compare."""
        whole, out = self.folder / "whole", self.folder / "disturbed"
        begun = time.monotonic()
        status, said = self.to_the_end(whole)
        assert status == 0, said
        lasts = time.monotonic() - begun
        wanted = fingerprint(whole, self.command)
        for _ in range(kills):
            self.disturb(out, lasts)
            if out.exists() and self.rng.random() < SPOILT:
                self.spoil(out, wanted)
        status, said = self.to_the_end(out)
        assert status == 0, said
        assert fingerprint(out, self.command) == wanted, f"{self.name}: another result after {kills} kills"
        left = [path for path in out.rglob("*") if ".tmp" in path.name]
        assert not left, f"{self.name}: left behind {left}"

    def disturb(self, out: Path, lasts: float) -> None:
        """Start it and kill it at a random moment of the time that it takes."""
        process = self.start(out)
        after = float(self.rng.uniform(0.05, 0.9)) * lasts
        number = SIGNALS[self.rng.integers(len(SIGNALS))]
        group = bool(self.rng.random() < 0.5)
        try:
            said, _ = process.communicate(timeout=after)
            assert process.returncode == 0, said
            self.counts["ended before"] += 1
            shutil.rmtree(out)  # it begins anew, or there would be nothing left to disturb
            return
        except subprocess.TimeoutExpired:
            pass
        self.say(f"{self.name}: {number.name} of the {'group' if group else 'process'} after {after:.1f} s")
        (os.killpg if group else os.kill)(process.pid, number)
        self.counts["killed"] += 1
        try:
            said, _ = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise AssertionError(f"{self.name} does not stop at {number.name}") from None
        assert "Traceback" not in said, said
        for _ in range(50):  # workers notice within seconds that their parent is gone
            try:
                os.killpg(process.pid, 0)
            except ProcessLookupError:
                return
            time.sleep(0.2)
        os.killpg(process.pid, signal.SIGKILL)
        raise AssertionError(f"{self.name}: processes are left after {number.name}")

    def spoil(self, out: Path, wanted: dict[str, str]) -> None:
        """Spoil one file; the command ends with the wanted result or refuses clearly. Then all is put back."""
        files = [path for path in sorted(out.rglob("*")) if path.is_file() and path.stat().st_size]
        files = [path for path in files if "tensorboard" not in path.parts]  # a log, which nothing is read from
        if not files:
            return
        backup = self.folder / "backup"
        shutil.copytree(out, backup)
        path = files[self.rng.integers(len(files))]
        raw = bytearray(path.read_bytes())
        cut = bool(self.rng.random() < 0.5)
        place = int(self.rng.integers(len(raw)))
        if cut:
            raw = raw[:place]
        else:
            raw[place] ^= 1 << int(self.rng.integers(8))
        path.write_bytes(raw)
        what = f"{path.relative_to(out)} {'cut to' if cut else 'flipped at'} {place}"
        status, said = self.to_the_end(out)
        assert "Traceback" not in said, f"{self.name}, {what}: {said[-3000:]}"
        if status == 0:
            self.counts["spoilt, and ended well"] += 1
            assert fingerprint(out, self.command) == wanted, f"{self.name}: quietly wrong, {what}"
        else:
            self.counts["spoilt, and refused"] += 1
            assert "error" in said.lower(), f"{self.name}, {what}: {said}"
        self.say(f"{self.name}: {what}: {'ended well' if status == 0 else said.strip().splitlines()[-1][:150]}")
        shutil.rmtree(out)
        shutil.move(backup, out)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=12, help="of each command")
    parser.add_argument("--seed", type=int, default=0, help="decides moments, signals and what is spoilt")
    parser.add_argument("--only", nargs="*", choices=list(COMMANDS), help="commands; all if not given")
    parser.add_argument("--out", type=Path, default=Path("runs/chaos.json"), help="the counts")
    options = parser.parse_args()
    from tiny_agent import tiny_agent

    counts = {}
    for number, name in enumerate(options.only or COMMANDS):
        with tempfile.TemporaryDirectory() as folder:
            weights = Path(folder) / "weights"
            tiny_agent(contrast=1.0).save_pretrained(weights)
            trial = Trial(
                name,
                Path(folder),
                weights,
                np.random.default_rng([options.seed, number]),
                lambda line: print(line, flush=True),
            )
            trial.run(options.kills)
            counts[name] = dict(trial.counts)
            print(f"{name}: {counts[name]}", flush=True)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(counts, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
