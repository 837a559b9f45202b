"""An articulated model as a URDF with a mesh for every part, from one image with depth.

What was seen of a part is its surface; nothing is known of what lies behind it. So each mesh is the seen surface, made
a thin solid of ``THICKNESS`` along the rays of the camera, which simulators need: a pixel is two triangles, with a
corner's depth the mean of the part's pixels around it. The image is its texture. Masses are made up.

Links lie in the world frame where the camera's pose is known, else in the camera frame turned so that z points at the
camera and y to the top of the image. Joints whose type is not known are fixed. All joints are at 0 as in the image.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from assets.files import atomic_folder, write_text
from atp.articulation.articulated_model import Articulation, JointEntry
from atp.articulation.observations import REST, Array, Frame, Intrinsics
from atp.types import Mask

#: Metres that a surface is made thick.
THICKNESS = 0.006
#: A corner's depth is that of the nearest of its pixels and those at most this many metres behind it.
STEP = 0.02
#: Kilograms of a link, and kg m2 about each axis: nobody weighed it.
MASS, INERTIA = 0.2, 1e-3
#: Folder of the meshes beside the URDF.
MESHES = "object_meshes"
#: From the camera frame to a frame with z towards the camera and y to the top of the image.
_UPRIGHT = np.diag([1.0, -1.0, -1.0])


def write_urdf(model: Articulation, frame: Frame, path: str | Path) -> Path:
    """Write a model as a URDF file and a folder of meshes beside it; each appears whole or not at all.

    Args:
        model: The model, with joints in space.
        frame: The last image, in which the model's axes lie.
        path: The URDF file.

    Returns:
        ``path``.

    Raises:
        ValueError: The model has no camera or no part, or the image has no depth.
    """
    path = Path(path)
    if model.camera is None or frame.depth is None or model.root is None:
        raise ValueError("a URDF needs a part, depth and the camera's intrinsics; this model lacks one of them")
    camera = Intrinsics(model.camera.focal, *model.camera.principal)
    turn, origin = _UPRIGHT, np.zeros(3)
    if model.camera.rotation is not None and model.camera.position is not None:
        turn, origin = np.array(model.camera.rotation), np.array(model.camera.position)
    frames = {model.root: np.zeros(3)}
    for joint in model.joints:
        frames[joint.child] = turn @ joint.pivot + origin if joint.pivot is not None else frames[joint.parent]
    meshes = {}
    with atomic_folder(path.parent / MESHES) as folder:
        Image.fromarray(frame.rgb).save(folder / "image.png")
        (folder / "image.mtl").write_text("newmtl image\nKa 0 0 0\nKd 1 1 1\nKs 0 0 0\nmap_Kd image.png\n", "ascii")
        for part in model.parts:
            mesh = part_mesh(frame, frame.mask(part.label if part.moved else REST), camera)
            if mesh is not None:
                vertices, faces, texture = mesh
                name = f"part_{part.label}.obj"
                here = vertices @ turn.T + origin - frames.get(part.label, np.zeros(3))
                (folder / name).write_text(_obj_text(here, faces, texture), "ascii")
                meshes[part.label] = f"{MESHES}/{name}"
    write_text(path, _urdf_text(model, frames, meshes, turn))
    return path


def part_mesh(frame: Frame, mask: Mask, camera: Intrinsics) -> tuple[Array, NDArray[np.int64], Array] | None:
    """The seen surface of a part as a thin closed solid.

    Args:
        frame: An image with depth.
        mask: (H, W) bool, the part.
        camera: Intrinsics.

    Returns:
        Vertices (n, 3) in the camera frame in metres, faces (m, 3) that point outwards, and texture coordinates (n, 2)
        with (0, 0) at the bottom left of the image; None where no pixel of it has depth.
    """
    if frame.depth is None:
        return None
    shown = mask & np.isfinite(frame.depth) & (frame.depth > 0)
    if not shown.any():
        return None
    height, width = mask.shape
    depth = _corner_depth(np.where(shown, frame.depth, np.inf).astype(np.float64))
    rows, cols = np.nonzero(shown)
    corner = rows * (width + 1) + cols
    # Of each pixel: top left, bottom left, bottom right, top right: seen from the camera counter-clockwise.
    quads = np.stack([corner, corner + width + 1, corner + width + 2, corner + 1], axis=1)
    used, index = np.unique(quads, return_inverse=True)
    quads = index.reshape(quads.shape)
    at_row, at_col = np.divmod(used, width + 1)
    near = depth[at_row, at_col]
    rays = np.stack([(at_col - camera.col) / camera.focal, (at_row - camera.row) / camera.focal, np.ones(len(used))], 1)
    vertices = np.concatenate([rays * near[:, None], rays * (near + THICKNESS)[:, None]])
    front = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    edges = np.concatenate([np.roll(quads, -side, axis=1)[:, :2] for side in range(4)])
    outline = edges[~_has_twin(edges, len(used))]
    start, end = outline.T
    walls = np.concatenate(
        [np.stack([start, start + len(used), end], 1), np.stack([end, start + len(used), end + len(used)], 1)]
    )
    faces = np.concatenate([front, front[:, ::-1] + len(used), walls])
    texture = np.stack([at_col / width, 1 - at_row / height], axis=1)
    return vertices, faces, np.concatenate([texture, texture])


def _corner_depth(depth: Array) -> Array:
    """(H + 1, W + 1) depth of the corners of pixels (H, W), infinite where there is no reading."""
    padded = np.pad(depth, 1, constant_values=np.inf)
    around = np.stack([padded[:-1, :-1], padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:]])
    near = around <= around.min(axis=0) + STEP
    total = np.where(near & np.isfinite(around), around, 0).sum(axis=0)
    return np.asarray(total / np.maximum((near & np.isfinite(around)).sum(axis=0), 1))


def _has_twin(edges: NDArray[np.int64], count: int) -> NDArray[np.bool_]:
    """Whether the edge (m, 2) back is there too: two faces share it."""
    keys, back = edges @ [count, 1], edges @ [1, count]
    return np.isin(keys, back)


def _obj_text(vertices: Array, faces: NDArray[np.int64], texture: Array) -> str:
    lines = ["mtllib image.mtl", "o part"]
    lines += [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in vertices.tolist()]
    lines += [f"vt {u:.5f} {v:.5f}" for u, v in texture.tolist()]
    lines.append("usemtl image")
    lines += [f"f {a}/{a} {b}/{b} {c}/{c}" for a, b, c in (faces + 1).tolist()]
    return "\n".join(lines) + "\n"


def _urdf_text(model: Articulation, frames: dict[int, Array], meshes: dict[int, str], turn: Array) -> str:
    robot = ElementTree.Element("robot", name="object")
    for part in model.parts:
        link = ElementTree.SubElement(robot, "link", name=f"part_{part.label}")
        inertial = ElementTree.SubElement(link, "inertial")
        ElementTree.SubElement(inertial, "mass", value=f"{MASS}")
        moments = {name: f"{INERTIA}" if name[1] == name[2] else "0" for name in _MOMENTS}
        ElementTree.SubElement(inertial, "inertia", moments)
        for tag in ("visual", "collision") if part.label in meshes else ():
            geometry = ElementTree.SubElement(ElementTree.SubElement(link, tag), "geometry")
            ElementTree.SubElement(geometry, "mesh", filename=meshes[part.label])
    for joint in model.joints:
        _add_joint(robot, joint, frames[joint.child] - frames[joint.parent], turn)
    ElementTree.indent(robot)
    return '<?xml version="1.0"?>\n' + ElementTree.tostring(robot, encoding="unicode") + "\n"


_MOMENTS = ("ixx", "iyy", "izz", "ixy", "ixz", "iyz")


def _add_joint(robot: ElementTree.Element, joint: JointEntry, origin: Array, turn: Array) -> None:
    kind = joint.type if joint.known else "fixed"
    element = ElementTree.SubElement(robot, "joint", name=f"joint_{joint.child}", type=kind)
    ElementTree.SubElement(element, "parent", link=f"part_{joint.parent}")
    ElementTree.SubElement(element, "child", link=f"part_{joint.child}")
    ElementTree.SubElement(element, "origin", xyz=_numbers(origin), rpy="0 0 0")
    if joint.known and joint.axis is not None and joint.lower is not None and joint.upper is not None:
        ElementTree.SubElement(element, "axis", xyz=_numbers(turn @ joint.axis))
        limits = {"lower": f"{joint.lower:.6f}", "upper": f"{joint.upper:.6f}", "effort": "100", "velocity": "10"}
        ElementTree.SubElement(element, "limit", limits)


def _numbers(values: Iterable[float]) -> str:
    return " ".join(f"{value:.6f}" for value in values)
