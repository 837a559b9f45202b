"""Objects with something wrong in one of their files: they are shown, or refused with a line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fuzzing import damage, refusals, replaced
from PIL import Image

from assets.importing.prepare import ObjectError
from envs.play import ArticulatedPlay
from urdf_objects import CUBE, joint, link, mesh_link, write

pytestmark = pytest.mark.usefixtures("cache")


def thing(folder: Path) -> None:
    """A small object that has a file of each kind."""
    urdf = write(
        folder / "thing.urdf",
        link("a", "1 0.2 0.1", rgba="0.5 0.2 0.1 1") + "\n",
        mesh_link("b", "meshes/b.obj", "0.5 0.1 0.1", "0.2 0 0.1") + "\n",
        mesh_link("c", "c.stl", "0.3 0.3 0.3") + "\n",
        joint("revolute", "a", "b", "0.1 0.2 1", "-0.4 1.2", 'xyz="0.4 0.1 0" rpy="0.2 -0.1 0.7"') + "\n",
        joint("prismatic", "b", "c", "0.8 0.6 0", "0.1 0.3", 'xyz="0.3 0.2 0.1"') + "\n",
    )
    (folder / "meshes").mkdir()
    lines = [f"v {x} {y} {z}" for x, y, z in CUBE.vertices] + ["vt 0 0", "vt 1 0.5", "vn 0 0 1", "usemtl m"]
    lines += [f"f {a}/1/1 {b}/2/1 {c}/-1/-1" for a, b, c in CUBE.faces + 1]
    (folder / "meshes" / "b.obj").write_text("\n".join(["mtllib b.mtl", *lines]))
    (folder / "meshes" / "b.mtl").write_text("newmtl m\nKd 1 0.5 0.2\nmap_Kd t.png\n")
    Image.fromarray(np.arange(192, dtype=np.uint8).reshape(8, 8, 3)).save(folder / "meshes" / "t.png")
    CUBE.export(folder / "c.stl")
    (folder / "semantics.txt").write_text("a free base\nb hinge lid\nc slider drawer\n")
    (folder / "meta.json").write_text('{"model_cat": "Thing"}')
    assert urdf.is_file()


def tried(parent: Path, rng: np.random.Generator) -> None:
    """Make an object with something wrong, and show it."""
    folder = parent / f"o{rng.integers(2**60)}"
    thing(folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for _ in range(int(rng.integers(1, 4))):
        path = files[0] if rng.random() < 0.2 else files[int(rng.integers(len(files)))]
        if rng.random() < 0.1:
            replaced(path, rng)
        elif path.is_file() and not path.is_symlink():
            path.write_bytes(damage(path.read_bytes(), rng))
    env = ArticulatedPlay(object=folder, resolution=16, view="top" if rng.random() < 0.8 else "auto")
    env.reset(seed=0)
    observation, _, _, _, info = env.step(np.array([*rng.integers(16, size=4), rng.integers(8)]))
    assert env.observation_space.contains(observation)
    assert np.isfinite(info["privileged"]["flow"]).all()
    env.close()


@pytest.mark.parametrize("seeds", [range(60), pytest.param(range(60, 1500), marks=pytest.mark.slow)], ids=len)
def test_every_object_is_shown_or_refused(tmp_path: Path, seeds: range) -> None:
    refused = refusals(lambda rng: tried(tmp_path, rng), seeds, (ObjectError,))
    assert all(str(tmp_path) in message for message in refused.values())
    assert 0.05 * len(seeds) < len(refused) < 0.8 * len(seeds)  # so that both are tried
