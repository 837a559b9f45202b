"""Plant faults in the core, one at a time, and see which the tests catch: ``make faults``.

Each fault goes into a copy of the repository, in which the tests that guard the file run. What survives is either a
test that is missing or a change that makes no difference; the latter are listed, with the reason, in
``no_difference.json``.
A run goes on where it was interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from mutations import Fault, faults  # noqa: E402

#: What is guarded, and the tests that are to catch faults in it.
CORE: dict[str, tuple[str, ...]] = {
    "atp/acting/selection.py": ("tests/agent/test_selection.py",),
    "atp/checkpoint.py": ("tests/agent/test_checkpoint.py", "tests/agent/test_agent_options.py"),
    "atp/metrics.py": ("tests/agent/test_metrics.py",),
    "atp/networks/averaging.py": ("tests/agent/test_rotations.py", "tests/agent/test_networks.py"),
    "atp/networks/encoding.py": ("tests/agent/test_encoding.py",),
    "atp/networks/rotations.py": ("tests/agent/test_rotations.py",),
    "atp/part_memory/evidence.py": ("tests/agent/test_part_memory.py",),
    "atp/part_memory/held.py": ("tests/agent/test_held.py",),
    "atp/part_memory/memory.py": ("tests/agent/test_part_memory.py", "tests/agent/test_motion_in_space.py"),
    "atp/part_memory/motion_in_space.py": ("tests/agent/test_motion_in_space.py",),
    "atp/part_memory/registration.py": ("tests/agent/test_registration.py", "tests/agent/test_part_memory.py"),
    "atp/part_memory/rims.py": ("tests/agent/test_rims.py", "tests/agent/test_part_memory.py"),
    "atp/perception/depth_refinement.py": ("tests/agent/test_depth_refinement.py",),
    "envs/oracle.py": ("tests/envs/test_oracle.py",),
    "envs/play.py": ("tests/envs/test_environment.py", "tests/envs/test_looking_ahead.py"),
    "envs/truth.py": ("tests/envs/test_truth.py",),
    "train/data/records.py": ("tests/training/test_replay.py", "tests/training/test_trials.py"),
    "train/data/replay.py": ("tests/training/test_replay.py",),
    "train/learning/calibration.py": ("tests/training/test_second_stage.py",),
    "train/learning/learner.py": ("tests/training/test_training.py", "tests/training/test_losses.py"),
    "train/signals/augmentation.py": ("tests/training/test_augmentation.py",),
    "train/signals/hindsight.py": ("tests/training/test_losses.py", "tests/training/test_reward.py"),
    "train/signals/losses.py": ("tests/training/test_losses.py",),
    "train/signals/reward.py": ("tests/training/test_reward.py",),
}
#: Seconds after which the tests are taken to hang: the fault is caught.
TIMEOUT = 300


def chosen(count: int, seed: int) -> list[tuple[str, Fault]]:
    """Faults of the core, as many from one file as from another, by a seed."""
    rng = np.random.default_rng(seed)
    queues = []
    for name in CORE:
        every = faults((ROOT / name).read_text())
        queues.append([(name, every[k]) for k in rng.permutation(len(every))])
    taken: list[tuple[str, Fault]] = []
    while len(taken) < count and any(queues):
        for queue in queues:
            if queue and len(taken) < count:
                taken.append(queue.pop())
    return taken


def tried(name: str, fault: Fault, copy: Path) -> dict[str, object]:
    """Plant one fault in a copy of the repository and run the tests that guard its file."""
    source = (ROOT / name).read_text()
    target = copy / name
    target.write_text(fault.planted(source))
    caught_by = None
    try:
        for tests in CORE[name]:
            if not passes(tests, copy):
                caught_by = tests
                break
    finally:
        target.write_text(source)
    return {"file": name, "line": fault.line, "kind": fault.kind, "change": fault.shown(source), "caught_by": caught_by}


def passes(tests: str, copy: Path) -> bool:
    """Whether a file of tests passes there."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", tests]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def table(rows: list[dict[str, object]], harmless: dict[str, str]) -> str:
    """What was caught, by file, in Markdown."""
    real = [row for row in rows if row["change"] not in harmless]
    planted, caught = (
        Counter(row["file"] for row in some) for some in (real, [row for row in real if row["caught_by"]])
    )
    lines = ["| file | planted | caught |", "| --- | --- | --- |"]
    lines += [f"| `{name}` | {planted[name]} | {caught[name]} |" for name in sorted(planted)]
    lines.append(f"| all | {planted.total()} | {caught.total()} |")
    return "\n".join(lines)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=120, help="faults to plant")
    parser.add_argument("--seed", type=int, default=0, help="decides which")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time")
    parser.add_argument("--out", type=Path, default=Path("runs/faults.jsonl"), help="results, a line each")
    options = parser.parse_args()
    harmless = json.loads((HERE / "no_difference.json").read_text())
    options.out.parent.mkdir(parents=True, exist_ok=True)
    known = [json.loads(line) for line in options.out.read_text().splitlines()] if options.out.exists() else []
    done = {(row["file"], row["line"], row["change"]): row for row in known}
    rows, waiting = [], []
    for name, fault in chosen(options.count, options.seed):
        key = (name, fault.line, fault.shown((ROOT / name).read_text()))
        (rows.append(done[key]) if key in done else waiting.append((name, fault)))

    with (
        tempfile.TemporaryDirectory() as folder,
        ThreadPoolExecutor(options.jobs) as pool,
        options.out.open("a") as out,
    ):
        free = [Path(folder) / str(k) for k in range(options.jobs)]
        for copy in free:
            ignored = shutil.ignore_patterns(".git", ".venv", "runs", "build", "__pycache__", "*.egg-info")
            shutil.copytree(ROOT, copy, ignore=ignored)

        def work(task: tuple[str, Fault]) -> dict[str, object]:
            copy = free.pop()
            try:
                return tried(*task, copy)
            finally:
                free.append(copy)

        for row in pool.map(work, waiting):
            rows.append(row)
            print(json.dumps(row), file=out, flush=True)
            print(
                f"{len(rows)} of {options.count}",
                row["caught_by"] or "SURVIVED",
                row["file"],
                row["change"],
                flush=True,
            )
    print(table(rows, harmless))
    survived = [row for row in rows if not row["caught_by"] and row["change"] not in harmless]
    return int(len(survived) > 0.05 * len(rows))


if __name__ == "__main__":
    sys.exit(main())
