"""A small furniture library in the format of Sweet Home 3D, with models whose groups say what moves."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

CATALOGUE = "PluginFurnitureCatalog.properties"
CC_BY = "Creative Commons Attribution 3.0 license"

#: Boxes as (name of the group, material, lower corner, upper corner), y up and +z the front.
Box = tuple[str, str, tuple[float, float, float], tuple[float, float, float]]

#: A cupboard 4 wide, 6 high, 3 deep, with a door in front that hangs on a hinge at its left edge.
CUPBOARD: tuple[Box, ...] = (
    ("body", "wood", (0, 0, 0), (4, 6, 3)),
    ("sweethome3d_hinge_1_pin", "paint", (0, 1, 3.1), (0.1, 5, 3.2)),
    ("sweethome3d_opening_on_hinge_1_leaf", "paint", (0.1, 0, 3.1), (4, 6, 3.3)),
    ("sweethome3d_window_pane_on_hinge_1", "paint", (1, 2, 3.3), (3, 4, 3.4)),
)
#: A window 10 wide with one rail for two panes of 4, of which the first is at the left end and the second at the right.
SLIDING: tuple[Box, ...] = (
    ("frame", "wood", (0, 0, 0), (10, 0.5, 2)),
    ("sweethome3d_unique_rail", "wood", (0, 0.5, 0), (10, 0.7, 0.3)),
    ("sweethome3d_opening_on_rail_1", "paint", (0, 0.7, 0), (4, 6, 0.5)),
    ("sweethome3d_opening_on_rail_2", "paint", (6, 0.7, 1), (10, 6, 1.5)),
)
PLAIN: tuple[Box, ...] = (("body", "wood", (0, 0, 0), (1, 1, 1)),)

_FACES = ((1, 4, 3, 2), (5, 6, 7, 8), (1, 2, 6, 5), (2, 3, 7, 6), (3, 4, 8, 7), (4, 1, 5, 8))
_MATERIALS = "newmtl wood\nKd 0.5 0.4 0.3\nmap_Kd grain.png\nnewmtl paint\nKd 0.1 0.2 0.3\n"


def obj_text(boxes: tuple[Box, ...]) -> str:
    """Boxes as a Wavefront OBJ."""
    lines = ["mtllib it.mtl", "vt 0 0"]
    for number, (name, material, (x, y, z), (u, v, w)) in enumerate(boxes):
        corners = [(x, y, z), (u, y, z), (u, v, z), (x, v, z), (x, y, w), (u, y, w), (u, v, w), (x, v, w)]
        lines += [f"v {a} {b} {c}" for a, b, c in corners]
        lines += [f"g {name}", f"usemtl {material}"]
        lines += ["f " + " ".join(f"{8 * number + i}/1" for i in face) for face in _FACES]
    return "\n".join(lines) + "\n"


def library_bytes(models: dict[str, tuple[Box, ...]], licence: str = CC_BY, more: str = "") -> bytes:
    """A library as a ZIP; every model is 40 cm wide, 30 cm deep and 60 cm high.

    Args:
        models: Boxes by the name of the model.
        licence: In the catalogue.
        more: Further properties of every model, ``#`` standing for its number: "modelRotation#=...".
    """
    picture = io.BytesIO()
    Image.fromarray(np.full((4, 4, 3), 90, np.uint8)).save(picture, "PNG")
    entries = [f"# a comment\nname=Of a test\nlicense={licence}"]
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for number, (name, boxes) in enumerate(models.items(), 1):
            entries.append(
                f"name#{number}=A \\u0022{name}\\u0022\ncreator#{number}=Somebody\n"
                f"model#{number}=/models/{name}/{name}.obj\n"
                f"width#{number}=40\ndepth#{number}=30\nheight#{number}=60\n{more.replace('#', f'#{number}')}"
            )
            archive.writestr(f"models/{name}/{name}.obj", obj_text(boxes))
            archive.writestr(f"models/{name}/it.mtl", _MATERIALS)
            archive.writestr(f"models/{name}/grain.png", picture.getvalue())
        archive.writestr(CATALOGUE, "\n".join(entries))
    return made.getvalue()


def write_library(path: Path, models: dict[str, tuple[Box, ...]] | None = None, **options: str) -> Path:
    """Write a library, of a cupboard where nothing else is given."""
    path.write_bytes(library_bytes(models or {"cupboard": CUPBOARD}, **options))
    return path


def write_debian_package(path: Path, libraries: dict[str, bytes]) -> Path:
    """Write a Debian package with libraries."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w:xz") as archive:
        for name, contents in libraries.items():
            member = tarfile.TarInfo(f"./usr/share/sweethome3d/furniture/{name}")
            member.size = len(contents)
            archive.addfile(member, io.BytesIO(contents))
    package = b"!<arch>\n"
    for name, contents in (("debian-binary", b"2.0\n"), ("control.tar", b"odd"), ("data.tar.xz", tar.getvalue())):
        package += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(contents):<10}`\n".encode()
        package += contents + b"\n" * (len(contents) % 2)
    path.write_bytes(package)
    return path
