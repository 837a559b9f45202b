"""Write a generated object as a folder in the layout of SAPIEN's PartNet-Mobility."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from assets.generators.geometry import corner_uv
from assets.generators.model import GeneratedObject, Visual

MESHES = "textured_objs"


def write_partnet_folder(
    obj: GeneratedObject, folder: str | Path, meta: Mapping[str, str | int | float] | None = None
) -> Path:
    """Write an object as ``mobility.urdf``, ``textured_objs/``, ``semantics.txt`` and ``meta.json``.

    Args:
        obj: The object.
        folder: Where to write. Made if missing, else it must be empty. The same object gives the same bytes.
        meta: Further entries for ``meta.json``, such as the category's index and seed.

    Returns:
        The folder.

    Raises:
        FileExistsError: The folder exists and is not empty.
    """
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder}: will not write an object into a folder that is not empty; choose another")
    (folder / MESHES).mkdir(parents=True)
    materials: dict[int, str] = {}
    for link in obj.links:
        for visual in link.visuals:
            if id(visual.material) not in materials:
                name = f"material-{len(materials)}"
                materials[id(visual.material)] = name
                Image.fromarray(visual.material.texture).save(folder / MESHES / f"{name}.png")
    files: list[list[str]] = []
    count = 0
    for link in obj.links:
        files.append([])
        for visual in link.visuals:
            name = f"original-{count}"
            texture = f"{materials[id(visual.material)]}.png"
            (folder / MESHES / f"{name}.obj").write_text(_obj_text(visual, f"{name}.mtl"), encoding="ascii")
            (folder / MESHES / f"{name}.mtl").write_text(_mtl_text(texture), encoding="ascii")
            files[-1].append(f"{MESHES}/{name}.obj")
            count += 1
    (folder / "mobility.urdf").write_text(_urdf_text(obj, files), encoding="utf-8")
    kinds = {joint.child: "slider" if joint.type == "prismatic" else "hinge" for joint in obj.joints}
    lines = [f"link_{i} {kinds.get(i, 'free')} {link.part.replace(' ', '_')}\n" for i, link in enumerate(obj.links)]
    (folder / "semantics.txt").write_text("".join(lines), encoding="utf-8")
    entries = {"category": obj.category, **(meta or {}), "notes": dict(obj.notes)}
    (folder / "meta.json").write_text(json.dumps(entries, indent=2) + "\n", encoding="utf-8")
    return folder


def _obj_text(visual: Visual, library: str) -> str:
    """Return a Wavefront OBJ: shared vertices, so that it stays closed, with a normal for each face."""
    mesh = visual.mesh
    uv = corner_uv(mesh, visual.material.repeat, visual.grain) if visual.uv is None else visual.uv
    places, place_of = np.unique(np.round(uv.reshape(-1, 2), 5), axis=0, return_inverse=True)
    normals, normal_of = np.unique(np.round(mesh.face_normals, 4) + 0.0, axis=0, return_inverse=True)
    place_of = place_of.reshape(-1, 3) + 1
    normal_of = normal_of.reshape(-1) + 1
    lines = [f"mtllib {library}", "o part"]
    lines += [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in mesh.vertices]
    lines += [f"vt {u:.5f} {v:.5f}" for u, v in places]
    lines += [f"vn {x:.4f} {y:.4f} {z:.4f}" for x, y, z in normals]
    lines.append("usemtl surface")
    for face, corners, normal in zip(mesh.faces + 1, place_of, normal_of, strict=True):
        lines.append("f " + " ".join(f"{v}/{t}/{normal}" for v, t in zip(face, corners, strict=True)))
    return "\n".join(lines) + "\n"


def _mtl_text(texture: str) -> str:
    """Return a material library; its colour is white, for the texture carries the colour."""
    return f"newmtl surface\nKa 0 0 0\nKd 1 1 1\nKs 0 0 0\nmap_Kd {texture}\n"


def _urdf_text(obj: GeneratedObject, files: list[list[str]]) -> str:
    """Return the URDF. As in PartNet-Mobility meshes lie in the object's frame, offset back by the joints."""
    robot = ElementTree.Element("robot", name=f"partnet_{obj.category}")
    ElementTree.SubElement(robot, "link", name="base")
    frames = np.zeros((len(obj.links), 3))
    for joint in obj.joints:
        frames[joint.child] = joint.origin
    for i, link in enumerate(obj.links):
        element = ElementTree.SubElement(robot, "link", name=f"link_{i}")
        for tag in ("visual", "collision"):
            for k, file in enumerate(files[i]):
                shape = ElementTree.SubElement(element, tag)
                if tag == "visual":
                    shape.set("name", f"{link.part.replace(' ', '_')}-{k}")
                ElementTree.SubElement(shape, "origin", xyz=_numbers(-frames[i]))
                geometry = ElementTree.SubElement(shape, "geometry")
                ElementTree.SubElement(geometry, "mesh", filename=file)
    root = ElementTree.SubElement(robot, "joint", name="joint_0", type="fixed")
    ElementTree.SubElement(root, "origin", rpy="0 0 0", xyz="0 0 0")
    ElementTree.SubElement(root, "child", link="link_0")
    ElementTree.SubElement(root, "parent", link="base")
    for i, joint in enumerate(obj.joints, start=1):
        element = ElementTree.SubElement(robot, "joint", name=f"joint_{i}", type=joint.type)
        ElementTree.SubElement(element, "origin", xyz=_numbers(frames[joint.child] - frames[joint.parent]))
        ElementTree.SubElement(element, "axis", xyz=_numbers(np.array(joint.axis)))
        ElementTree.SubElement(element, "child", link=f"link_{joint.child}")
        ElementTree.SubElement(element, "parent", link=f"link_{joint.parent}")
        if joint.type != "continuous":
            ElementTree.SubElement(element, "limit", lower=f"{joint.lower:.6f}", upper=f"{joint.upper:.6f}")
    ElementTree.indent(robot)
    return '<?xml version="1.0"?>\n' + ElementTree.tostring(robot, encoding="unicode") + "\n"


def _numbers(values: np.ndarray) -> str:
    """Return numbers as text, without negative zeros."""
    return " ".join(f"{value:.6f}" for value in np.round(values, 6) + 0.0)
