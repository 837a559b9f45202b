"""What rooms are furnished with: furniture with photographed textures, photographs, light of real rooms.

It is made once, from files that one has: libraries of Sweet Home 3D (Debian's package `sweethome3d-furniture`) and the
npm package `@pmndrs/assets` (`npm pack @pmndrs/assets`), whose HDRIs are CC0. It lies in the cache, and nothing of it
is part of this package.
"""

from __future__ import annotations

import base64
import re
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, overload

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.cache import cache_root
from assets.files import atomic_path
from assets.found import sweethome
from assets.found.found_object import UNTRAINED
from assets.found.licences import free_licence
from assets.found.movable_groups import is_articulated
from assets.importing.reading.urdf import Geometry, ObjectError, UrdfModel
from envs.rendered_pairs.articulated import geometry_meshes
from envs.rendered_pairs.textured_meshes import Mesh, Surface, moved

#: Bytes of a model's OBJ beyond which it is left out, faces beyond which it is, and models that are kept.
_MOST_BYTES, _MOST_FACES, _MODELS = 900_000, 9_000, 420
#: Words of what is no furniture of a room, and of what must stay unseen.
_NOT_HERE = re.compile(
    r"\b(fe)?male\b|\b(wo)?man\b|woman|person|people|girl\b|boy\b|character|car\b|bus\b|truck|tree|plane|ship\b|parking|"
    r"road|rail\w*|door|window|stair|arrow|letter|pool\b|hedge|fence|roof|wall\b|" + "|".join(sorted(UNTRAINED)),
    re.IGNORECASE,
)
_PICTURE = 224  # pixels of a side of pictures


class MeshFolder(Sequence[Sequence[Mesh]]):
    """Things in a folder of ``.npz`` files, read when they are asked for.

    Args:
        paths: The files.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)

    def __len__(self) -> int:
        return len(self._paths)

    @overload
    def __getitem__(self, index: int) -> Sequence[Mesh]: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Sequence[Mesh]]: ...

    def __getitem__(self, index: int | slice) -> Sequence[Mesh] | Sequence[Sequence[Mesh]]:
        if isinstance(index, slice):
            return MeshFolder(self._paths[index])
        return _read_meshes(self._paths[index])


@dataclass(frozen=True, eq=False)
class Stock:
    """What rooms are furnished with beside what is drawn anew.

    Attributes:
        furniture: Meshes of one thing each, in metres, standing on z = 0 with its front to -y.
        things: Likewise, small ones.
        pictures: (h, w, 3) uint8 photographs and prints for walls, packages and what is behind a window.
        surroundings: (h, 2 h, 3) float16, linear light of real rooms.
    """

    furniture: Sequence[Sequence[Mesh]] = ()
    things: Sequence[Sequence[Mesh]] = ()
    pictures: Sequence[NDArray[np.uint8]] = ()
    surroundings: Sequence[NDArray[np.float16]] = field(default_factory=tuple)


def stock_folder() -> Path:
    """Where it is kept."""
    return cache_root() / "pictures"


def installed_stock() -> Stock:
    """What has been made; empty where nothing was."""
    folder = stock_folder()
    furniture = sorted((folder / "furniture").glob("*.npz"))
    things = sorted((folder / "things").glob("*.npz"))
    return Stock(
        MeshFolder(furniture), MeshFolder(things), _arrays(folder, "pictures"), _arrays(folder, "surroundings")
    )


def _arrays(folder: Path, name: str) -> list[NDArray[Any]]:
    made: list[NDArray[Any]] = []
    for path in sorted(folder.glob(f"{name}-*.npy")):
        made += list(np.load(path, allow_pickle=False))
    return made


def make_stock(libraries: Path | None, surroundings: Path | None) -> None:
    """Make the stock from files that one has.

    Args:
        libraries: A library of Sweet Home 3D, Debian's package of libraries, or a folder of them.
        surroundings: What ``npm pack @pmndrs/assets`` fetches, or the folder of the package.

    Raises:
        ValueError: A file is not what it should be; the message names it.
    """
    folder = stock_folder()
    if libraries is not None:
        pictures: list[NDArray[np.uint8]] = []
        for model in _chosen_models(libraries):
            try:
                meshes = _model_meshes(model)
            except (ObjectError, OSError, ValueError):
                continue  # some models of the libraries are damaged, or too fine
            kind = "things" if max(model.size) < 0.45 else "furniture"
            _write_meshes(folder / kind / f"{model.key}.npz", meshes)
            pictures += [mesh.surface.texture for mesh in meshes if mesh.surface.texture is not None]
        large = [_fitted(image) for image in pictures if min(image.shape[:2]) >= 128 and image.std() > 8]
        _save(folder / "pictures-textures.npy", np.array(large[:300], np.uint8))
    if surroundings is not None:
        images = list(_surroundings(surroundings))
        small = [cv2.resize(image, (256, 128), interpolation=cv2.INTER_AREA) for image in images]
        _save(folder / "surroundings-rooms.npy", np.minimum(np.array(small), 500.0).astype(np.float16))
        _save(folder / "pictures-rooms.npy", np.array([view for image in images for view in _views(image)], np.uint8))


def _save(path: Path, array: NDArray[Any]) -> None:
    with atomic_path(path) as temporary, temporary.open("wb") as opened:
        np.save(opened, array, allow_pickle=False)


def _chosen_models(place: Path) -> Iterator[sweethome.Model]:
    """Models that may stand about: free, light, of a room, and no object of a validation split."""
    held_out = {key for key, choice in sweethome.choices().items() if not choice.get("train")}
    models = []
    for library in sweethome.libraries(place):
        for model in sweethome.read_catalogue(library):
            large = model.archive.getinfo(model.path).file_size > _MOST_BYTES
            size = np.array(model.size)
            odd = size.max() > 2.6 or size.max() < 0.03 or size[2] < 0.02
            named = _NOT_HERE.search(model.name) or _NOT_HERE.search(model.key.replace("_", " ").replace("-", " "))
            if large or odd or named or model.key in held_out or free_licence(model.licence) is None:
                continue
            models.append(model)
    order = np.random.default_rng(0).permutation(len(models))
    for index in order[:_MODELS]:
        text = models[index].read(PurePosixPath(models[index].path).name)
        if text is not None and not is_articulated(text):
            yield models[index]


def _model_meshes(model: sweethome.Model) -> list[Mesh]:
    """A model in metres, z up, standing on z = 0 about the origin."""
    with tempfile.TemporaryDirectory() as name:
        parent = str(PurePosixPath(model.path).parent)
        inside = [each for each in model.archive.namelist() if str(PurePosixPath(each).parent) == parent]
        for each in inside:
            if not each.endswith("/"):
                (Path(name) / PurePosixPath(each).name).write_bytes(model.archive.read(each))
        path = Path(name) / PurePosixPath(model.path).name
        shape = Geometry("mesh", mesh=path)
        meshes = geometry_meshes(shape, None, None, UrdfModel(model.key, {}, (), "", path, Path(name)))
    turn = np.eye(4)
    if model.rotation is not None:
        turn[:3, :3] = np.array(model.rotation).reshape(3, 3)
    up = np.eye(4)
    up[:3, :3] = [[1, 0, 0], [0, 0, -1], [0, 1, 0]]
    meshes = [moved(mesh, up @ turn) for mesh in meshes]
    cloud = np.concatenate([mesh.points for mesh in meshes])
    if len(cloud) > 3 * _MOST_FACES:
        raise ValueError(f"{model.key}: has too many faces")
    low, high = cloud.min(axis=0).astype(float), cloud.max(axis=0).astype(float)
    scale = np.array(model.size) / np.maximum(high - low, 1e-6)
    fit = np.diag([*scale, 1.0])
    fit[:3, 3] = -scale * [(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]]
    return [moved(mesh, fit) for mesh in meshes]


def _write_meshes(path: Path, meshes: Sequence[Mesh]) -> None:
    arrays: dict[str, Any] = {}
    for number, mesh in enumerate(meshes):
        arrays[f"vertices_{number}"] = mesh.vertices
        surface = mesh.surface
        arrays[f"look_{number}"] = np.array([*surface.colour, surface.gloss, surface.metal])
        if surface.texture is not None:
            arrays[f"texture_{number}"] = surface.texture
    with atomic_path(path) as temporary, temporary.open("wb") as opened:
        np.savez_compressed(opened, **arrays)


@lru_cache(maxsize=300)
def _read_meshes(path: Path) -> tuple[Mesh, ...]:
    meshes = []
    with np.load(path, allow_pickle=False) as held:
        for number in range(sum(name.startswith("vertices_") for name in held.files)):
            r, g, b, gloss, metal = held[f"look_{number}"].tolist()
            texture = held[f"texture_{number}"] if f"texture_{number}" in held.files else None
            meshes.append(Mesh(held[f"vertices_{number}"], Surface((r, g, b), texture, gloss, metal)))
    return tuple(meshes)


def _fitted(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(image, (_PICTURE, _PICTURE), interpolation=cv2.INTER_AREA), np.uint8)


def _surroundings(place: Path) -> Iterator[NDArray[np.float32]]:
    """(256, 512, 3) float32, linear RGB, of each HDRI of the package."""
    for name, text in _texts(place):
        data = base64.b64decode(text.partition("base64,")[2].split("'")[0])
        image = _decoded_exr(data, name)
        yield np.asarray(cv2.resize(image, (512, 256), interpolation=cv2.INTER_AREA), np.float32)


def _texts(place: Path) -> Iterator[tuple[str, str]]:
    """Name and text of the package's files with HDRIs."""
    if place.is_dir():
        for path in sorted(place.rglob("*.exr.js")):
            yield path.name, path.read_text("ascii")
        return
    try:
        with tarfile.open(place) as tar:
            for member in sorted((m for m in tar if m.name.endswith(".exr.js")), key=lambda m: m.name):
                opened = tar.extractfile(member)
                if opened is not None:
                    yield member.name, opened.read().decode("ascii")
    except tarfile.ReadError as error:
        raise ValueError(f"{place}: is no package of npm ({error})") from error


def _decoded_exr(data: bytes, name: str) -> NDArray[np.float32]:
    """(h, w, 3) float32 RGB."""
    try:
        import OpenEXR
    except ImportError as error:
        raise ValueError("OpenEXR is not installed: pip install 'act-the-part[pictures]'") from error
    with tempfile.NamedTemporaryFile(suffix=".exr") as file:
        file.write(data)
        file.flush()
        channels = OpenEXR.File(file.name).channels()
        found = channels["RGB"] if "RGB" in channels else channels.get("RGBA")
        if found is not None:
            return np.asarray(found.pixels[..., :3], np.float32)
        if not {"R", "G", "B"} <= channels.keys():
            raise ValueError(f"{name}: has no red, green and blue")
        return np.stack([np.asarray(channels[key].pixels, np.float32) for key in "RGB"], axis=-1)


def _views(image: NDArray[np.float32]) -> Iterator[NDArray[np.uint8]]:
    """Photographs out of a surrounding: (_PICTURE, _PICTURE, 3) uint8, four ways to look."""
    height, width = image.shape[:2]
    y, x = np.mgrid[:_PICTURE, :_PICTURE] / (_PICTURE - 1) * 2 - 1
    image = np.minimum(np.nan_to_num(image, posinf=1e4), 1e4)
    for quarter in range(4):
        angle = quarter * np.pi / 2 + np.arctan(0.9 * x)
        tilt = np.arctan(-0.9 * y * np.cos(np.arctan(0.9 * x)))
        columns = (angle / (2 * np.pi) % 1 * width).astype(np.float32)
        rows = ((0.5 - tilt / np.pi) * height).astype(np.float32)
        seen = cv2.remap(image, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
        light = seen / max(float(np.median(seen)), 1e-4) * 0.22
        light = light * (2.51 * light + 0.03) / (light * (2.43 * light + 0.59) + 0.14)
        yield np.asarray(255 * np.clip(light, 0, 1) ** (1 / 2.2), np.uint8)
