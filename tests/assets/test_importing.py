"""Imported objects as files: which URDF a folder means, the cache, objects that others made."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path

import numpy as np
import pybullet
import pytest

from assets.cache import cache_root
from assets.conventions import ViewChoice
from assets.importing.prepare import PreparedObject, _Builder, find_urdf, prepare
from assets.importing.reading.urdf import ObjectError
from urdf_objects import CUBE, chain, image_from_above, link, load, write

pytestmark = pytest.mark.usefixtures("cache")


def test_which_urdf_a_folder_means(tmp_path: Path) -> None:
    folder = tmp_path / "cabinet_model"
    with pytest.raises(ObjectError, match="no such file or folder"):
        find_urdf(folder)
    folder.mkdir()
    with pytest.raises(ObjectError, match=r"no \.urdf file"):
        find_urdf(folder)
    only = write(folder / "urdf" / "one.urdf", link("a"))
    assert find_urdf(folder) == only
    write(folder / "urdf" / "two.urdf", link("a"))
    with pytest.raises(ObjectError, match=r"urdf/one\.urdf, urdf/two\.urdf"):
        find_urdf(folder)
    short = write(folder / "urdf" / "cab.urdf", link("a"))
    assert find_urdf(folder) == short
    named = write(folder / "urdf" / "cabinet.urdf", link("a"))
    assert find_urdf(folder) == named
    mobility = write(folder / "mobility.urdf", link("a"))
    assert find_urdf(folder) == mobility
    assert find_urdf(short) == short


def test_the_cache_is_hit_until_a_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = chain(tmp_path / "chain")
    builds = []
    build = _Builder.build

    def counted(self: _Builder, semantics: str, meta: bytes, view: ViewChoice) -> None:
        builds.append(1)
        build(self, semantics, meta, view)

    monkeypatch.setattr(_Builder, "build", counted)
    first = prepare(path)
    assert first.urdf.is_relative_to(cache_root())
    start = time.perf_counter()
    assert prepare(path) == first
    assert time.perf_counter() - start < 0.05
    assert len(builds) == 1

    mesh = tmp_path / "chain" / "meshes" / "cube.obj"
    CUBE.copy().apply_scale(3).export(mesh)
    larger = prepare(path)
    assert (len(builds), larger.urdf == first.urdf) == (2, False)
    path.write_text(path.read_text().replace("0.1 0.3", "0.1 0.4").replace('upper="0.3"', 'upper="0.4"'))
    assert prepare(path).joints[1].upper > larger.joints[1].upper
    mesh.unlink()
    without = prepare(path)
    assert any("left out: meshes/cube.obj" in note for note in without.notes)
    before = len(builds)
    assert prepare(path) == without
    assert len(builds) == before
    CUBE.export(mesh)
    assert not prepare(path).notes  # a file that was missing is noticed when it appears


def test_a_damaged_cache_entry_is_made_again(tmp_path: Path) -> None:
    path = chain(tmp_path / "chain")
    first = prepare(path)
    (first.urdf.parent / "prepared.json").write_text("{")
    assert prepare(path) == first
    first.urdf.unlink()
    assert prepare(path) == first
    assert first.urdf.is_file()
    assert not list(cache_root().glob("prepared/.*"))


def _prepare_into(queue: multiprocessing.Queue[PreparedObject], path: str, cache: str) -> None:
    os.environ["ATP_CACHE"] = cache
    queue.put(prepare(path))


def test_several_processes_at_once(tmp_path: Path, cache: Path) -> None:
    path = chain(tmp_path / "chain")
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    workers = [context.Process(target=_prepare_into, args=(queue, str(path), str(cache))) for _ in range(4)]
    for worker in workers:
        worker.start()
    results = [queue.get(timeout=30) for _ in workers]
    for worker in workers:
        worker.join()
    assert all(result == results[0] for result in results)
    assert len(list(cache.glob("prepared/*/object.urdf"))) == 1
    assert not list(cache.glob("prepared/.*"))


def test_paths_with_odd_characters(tmp_path: Path, client: int) -> None:
    folder = tmp_path / "a b & <c> é"
    prepared = prepare(chain(folder))
    load(prepared, client)
    assert image_from_above(client)[2].sum() > 200


def test_generated_objects_need_nothing_special(client: int) -> None:
    from assets.catalog import instance_folder

    prepared = prepare(instance_folder("multilink", 0, "test"))
    assert (prepared.category, len(prepared.parts), len(prepared.joints)) == ("multilink", 3, 2)
    body, joints, _ = load(prepared, client)
    for part_joint in prepared.joints:
        middle = (part_joint.lower + part_joint.upper) / 2
        pybullet.resetJointState(body, joints[part_joint.name], middle, physicsClientId=client)
    rows, columns = np.nonzero(image_from_above(client)[2])
    assert min(rows.min(), columns.min()) >= 10
    assert max(rows.max(), columns.max()) < 80
    assert max(np.ptp(rows), np.ptp(columns)) > 40


@pytest.fixture
def cabinet() -> Path:
    objects = os.environ.get("ATP_OBJECTS")
    if not objects:
        pytest.skip("ATP_OBJECTS is not set: it names the folder that holds sektion_cabinet_model")
    folder = Path(objects) / "sektion_cabinet_model"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    return folder


def test_a_cabinet_that_others_made(cabinet: Path, client: int) -> None:
    prepared = prepare(cabinet, "top")
    assert prepared.name == "sektion_cabinet"
    assert [set(part) for part in prepared.parts] == [
        {"sektion"},
        {"door_right_link", "door_right_nob_link"},
        {"door_left_link", "door_left_nob_link"},
        {"drawer_top", "drawer_handle_top"},
        {"drawer_bottom", "drawer_handle_bottom"},
    ]
    assert sorted(j.type for j in prepared.joints) == ["prismatic", "prismatic", "revolute", "revolute"]
    assert all(j.parent == 0 for j in prepared.joints)
    assert prepared.height == pytest.approx(0.30)  # it stands upright, its doors' hinges towards the camera
    body, joints, _ = load(prepared, client)
    _, _, closed = image_from_above(client)
    for part_joint in prepared.joints:
        pybullet.resetJointState(body, joints[part_joint.name], part_joint.upper, physicsClientId=client)
    _, depth, opened = image_from_above(client)
    assert opened.sum() > closed.sum() + 100  # the drawers have come out
    assert depth[opened].min() == pytest.approx(1.2, abs=5e-3)
