"""Turn any articulated object into one that can be played with: fitted to the view, lying on the plane.

The result is a URDF in the cache that a simulator loads as it is. Floating, planar and screw joints, and
hinges and slides without any range, become fixed joints; ``<mimic>`` is ignored.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.cache import cache_root
from assets.fitting import (
    box_inertia,
    fit,
    joint_motion,
    link_poses,
    middle_positions,
    shape_points,
    share_mass,
    up_axis,
    upright,
)
from assets.urdf import (
    Joint,
    Link,
    Matrix,
    ObjectError,
    UrdfModel,
    Visual,
    matrix_to_rpy,
    package_folder,
    parse_urdf,
    transform,
)

VERSION = 1  # of the prepared form; raise it when the same source should give another result
PLANAR = ("planar_x", "planar_y", "planar_yaw")  # names of the joints that let an object slide on the plane
_TABLE = 10.0  # m, how far an object may slide either way
_FREE_SLIDE = 0.1  # m, either way, of a fitted slide whose file sets no limits
_BARE_MASS, _BARE_INERTIA = 0.01, 1e-4  # kg, kg m^2, of a link without a shape


@dataclass(frozen=True)
class PartJoint:
    """A joint between two parts (indices into `PreparedObject.parts`); limits in rad or m, after fitting.

    ``parent`` is -1 where the part hangs on a link that has no shape and no part above it.
    """

    name: str
    type: str
    parent: int
    child: int
    lower: float
    upper: float


@dataclass(frozen=True)
class PreparedObject:
    """An object ready to be loaded.

    Attributes:
        name: The object's own name: its folder's, or the URDF's where that has a name of its own.
        category: From ``meta.json`` where there, else "unknown".
        urdf: The prepared URDF: fitted, absolute mesh paths, planar root.
        parts: Link names of each part (links joined by fixed joints are one part); part p has label p + 1.
        part_names: From ``semantics.txt`` where there, else the part's first link with a shape.
        joints: The joints that move parts.
        radius: Of the bounding circle about the origin, with all joints in the middle of their range, m.
        height: Of the object in that state, m.
    """

    name: str
    category: str
    urdf: Path
    parts: tuple[tuple[str, ...], ...]
    part_names: tuple[str, ...]
    joints: tuple[PartJoint, ...]
    radius: float
    height: float


def find_urdf(path: str | Path) -> Path:
    """The URDF that a path means.

    Args:
        path: A URDF file, or a folder: its ``mobility.urdf``, else the only URDF below it, else the one
            called like the folder (the longest name that the folder's name begins with).

    Raises:
        ObjectError: There is none, or it is not clear which.
    """
    path = Path(path).expanduser().absolute()
    if path.is_file():
        return path
    if not path.is_dir():
        raise ObjectError(f"{path}: no such file or folder")
    if (path / "mobility.urdf").is_file():
        return path / "mobility.urdf"
    found = sorted(path.rglob("*.urdf"))
    if not found:
        raise ObjectError(f"{path}: no .urdf file below this folder")
    for wanted in (
        [urdf for urdf in found if urdf.name == "mobility.urdf"],
        found,
        [urdf for urdf in found if path.name == urdf.stem],
        [urdf for urdf in found if path.name.startswith(urdf.stem)],
    ):
        if len(wanted) == 1:
            return wanted[0]
    names = ", ".join(str(urdf.relative_to(path)) for urdf in found)
    raise ObjectError(f"{path}: holds several URDFs ({names}): name the one you mean")


def prepare(path: str | Path) -> PreparedObject:
    """Make an object ready to be loaded, or find it ready in the cache.

    Args:
        path: A folder (see `find_urdf`) or a URDF file.

    Returns:
        The prepared object; its URDF lies in the cache and refers to the meshes where they are.

    Raises:
        ObjectError: The object cannot be used; the message names the file and the reason.
    """
    urdf = find_urdf(path)
    given = Path(path).expanduser().absolute()
    text = urdf.read_bytes()
    notes = [_read_beside(urdf, "semantics.txt"), _read_beside(urdf, "meta.json")]
    source = _digest([str(VERSION).encode(), str(urdf).encode(), str(given).encode(), text, *notes])
    store = cache_root() / "prepared"
    index = store / "index" / f"{source}.json"
    try:
        meshes = [Path(name) for name in json.loads(index.read_text())]
        return _load(store / _digest([source.encode(), *_stamps(meshes)]))
    except (OSError, ValueError, KeyError, TypeError):
        pass  # never prepared, a changed or missing mesh, or a damaged cache: prepare it now

    folder = None
    if given.is_dir() and not package_folder(urdf).is_relative_to(given):
        folder = package_folder(urdf)
    elif given.is_dir():
        folder = given
    model = parse_urdf(text, urdf, folder)
    meshes = sorted(
        {v.geometry.mesh for link in model.links.values() for v in link.visuals if v.geometry.mesh}
    )
    final = store / _digest([source.encode(), *_stamps(meshes)])
    store.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=".building-", dir=store))
    try:
        _build(model, building, final, notes[0].decode("utf-8", "replace"), notes[1])
        building.chmod(0o755)
        _publish(building, final)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    _write_index(index, meshes)
    return _load(final)


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()[:32]


def _stamps(meshes: Iterable[Path]) -> list[bytes]:
    """What tells that a mesh is unchanged, without reading it: path, size and time of change."""
    stats = [(mesh, os.stat(mesh)) for mesh in meshes]
    return [f"{mesh} {stat.st_size} {stat.st_mtime_ns}".encode() for mesh, stat in stats]


def _read_beside(urdf: Path, name: str) -> bytes:
    try:
        return (urdf.parent / name).read_bytes()
    except OSError:
        return b""


def _publish(building: Path, final: Path) -> None:
    """Move a finished folder to its place, unless another process was faster with the same."""
    try:
        building.rename(final)
        return
    except OSError:
        if not final.is_dir():
            raise
    try:
        _load(final)
    except (OSError, ValueError, KeyError, TypeError):  # damaged: replace it
        shutil.rmtree(final, ignore_errors=True)
        building.rename(final)


def _write_index(index: Path, meshes: list[Path]) -> None:
    index.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=index.parent)
    with os.fdopen(handle, "w") as file:
        json.dump([str(mesh) for mesh in meshes], file)
    os.replace(name, index)


def _load(folder: Path) -> PreparedObject:
    data: dict[str, Any] = json.loads((folder / "prepared.json").read_text())
    urdf = folder / "object.urdf"
    if not urdf.is_file():
        raise FileNotFoundError(urdf)
    return PreparedObject(
        name=data["name"],
        category=data["category"],
        urdf=urdf,
        parts=tuple(tuple(part) for part in data["parts"]),
        part_names=tuple(data["part_names"]),
        joints=tuple(PartJoint(**joint) for joint in data["joints"]),
        radius=data["radius"],
        height=data["height"],
    )


def _build(model: UrdfModel, building: Path, final: Path, semantics: str, meta: bytes) -> None:
    """Write ``object.urdf`` and ``prepared.json`` into ``building``, which is to become ``final``."""
    model = _plain_joints(_safe_names(model))
    points = _visual_points(model)
    groups = _rigid_groups(model)
    parts = [group for group in groups if any(model.links[name].visuals for name in group)]
    if not parts:
        raise ObjectError(f"{model.path}: no link has a <visual>, so there is nothing to see")
    model = _bound_slides(model, points)
    joined = _part_joints(model, groups, parts)

    poses = link_poses(model, middle_positions(model))
    turn = upright(up_axis(model, poses, [joint.name for joint in joined]))
    cloud = np.concatenate([_apply(transform(rotation=turn) @ poses[n], p) for n, p in points.items()])
    scale, shift, radius, height = fit(cloud)
    model = _moved(model, scale, transform(shift, turn))
    limits = {joint.name: (joint.lower, joint.upper) for joint in model.joints}
    joints = []
    for joint in joined:
        lower, upper = limits[joint.name]
        if lower is None or upper is None:
            lower, upper = (-math.pi, math.pi) if joint.type == "continuous" else (-_FREE_SLIDE, _FREE_SLIDE)
        joints.append(replace(joint, lower=lower, upper=upper))

    points = _visual_points(model)
    ET.ElementTree(_prepared_xml(model, points)).write(building / "object.urdf", encoding="utf-8")
    named = _semantic_names(semantics)
    prepared = PreparedObject(
        name=model.path.parent.name if model.path.name == "mobility.urdf" else model.path.stem,
        category=_category(meta),
        urdf=final / "object.urdf",
        parts=tuple(parts),
        part_names=tuple(_part_name(model, part, named) for part in parts),
        joints=tuple(joints),
        radius=radius,
        height=height,
    )
    data = {key: value for key, value in asdict(prepared).items() if key != "urdf"}
    (building / "prepared.json").write_text(json.dumps(data, indent=2), encoding="utf-8")


def _safe_names(model: UrdfModel) -> UrdfModel:
    """Rename links and joints whose names the planar root needs."""
    links = _renamed(model.links, {"world", *PLANAR})
    joints = _renamed([joint.name for joint in model.joints], set(PLANAR))
    return replace(
        model,
        root=links[model.root],
        links={links[name]: replace(link, name=links[name]) for name, link in model.links.items()},
        joints=tuple(
            replace(j, name=joints[j.name], parent=links[j.parent], child=links[j.child])
            for j in model.joints
        ),
    )


def _renamed(names: Iterable[str], taken: set[str]) -> dict[str, str]:
    names = list(names)
    result = {}
    for name in names:
        new = name
        while new in taken or (new != name and new in names):
            new = f"object_{new}"
        result[name] = new
    return result


def _plain_joints(model: UrdfModel) -> UrdfModel:
    """Only fixed, revolute (with limits), continuous and prismatic joints."""
    joints = []
    for joint in model.joints:
        bounded = joint.lower is not None and joint.upper is not None
        if joint.type in ("floating", "planar", "screw", "fixed"):
            joint = replace(joint, type="fixed")
        elif joint.type == "continuous":
            joint = replace(joint, lower=None, upper=None)
        elif bounded and joint.lower == joint.upper:
            origin = joint.origin @ joint_motion(joint, float(joint.lower or 0.0))
            joint = replace(joint, type="fixed", origin=origin)
        elif joint.type == "revolute" and (
            joint.lower is None or joint.upper is None or joint.upper - joint.lower >= 2 * math.pi - 1e-6
        ):
            joint = replace(joint, type="continuous", lower=None, upper=None)
        joints.append(joint)
    return replace(model, joints=tuple(joints))


def _bound_slides(model: UrdfModel, points: dict[str, NDArray[np.float64]]) -> UrdfModel:
    """Cut slides longer than the object itself, whose middle may be far out of sight."""
    poses = link_poses(model, {})
    cloud = np.concatenate([_apply(poses[name], some) for name, some in points.items()])
    reach = float(np.linalg.norm(np.ptp(cloud, axis=0)))
    joints = tuple(
        replace(j, lower=float(np.clip(j.lower, -reach, reach)), upper=float(np.clip(j.upper, -reach, reach)))
        if j.type == "prismatic" and j.lower is not None and j.upper is not None
        else j
        for j in model.joints
    )
    return replace(model, joints=joints)


def _rigid_groups(model: UrdfModel) -> list[tuple[str, ...]]:
    """Link names joined by fixed joints, in tree order, the root's group first."""
    groups = [[model.root]]
    member = {model.root: groups[0]}
    for joint in model.joints:
        if joint.type == "fixed":
            group = member[joint.parent]
        else:
            group = []
            groups.append(group)
        group.append(joint.child)
        member[joint.child] = group
    return [tuple(group) for group in groups]


def _part_joints(
    model: UrdfModel, groups: list[tuple[str, ...]], parts: list[tuple[str, ...]]
) -> list[PartJoint]:
    """The moving joints with the parts that they join, limits still to be filled in.

    A group without a shape is passed through: the joint above it moves the first part below it, and the
    joint below it hangs on the nearest part above it. A joint with no part below it moves nothing visible.
    """
    part_of = {name: index for index, part in enumerate(parts) for name in part}
    group_of = {name: group for group in groups for name in group}
    above: dict[tuple[str, ...], int] = {}
    above[group_of[model.root]] = part_of.get(model.root, -1)
    moving = [joint for joint in model.joints if joint.type != "fixed"]
    for joint in moving:
        above[group_of[joint.child]] = part_of.get(joint.child, above[group_of[joint.parent]])
    below: dict[tuple[str, ...], int] = {}
    for joint in reversed(moving):
        group = group_of[joint.child]
        first = part_of.get(joint.child, below.get(group, -1))
        below[group] = first
        if first >= 0:
            below[group_of[joint.parent]] = first
    return [
        PartJoint(
            j.name,
            j.type,
            above[group_of[j.parent]],
            part_of.get(j.child, below[group_of[j.child]]),
            0.0,
            0.0,
        )
        for j in moving
        if part_of.get(j.child, below[group_of[j.child]]) >= 0
    ]


def _apply(pose: Matrix, points: NDArray[np.float64]) -> NDArray[np.float64]:
    return points @ pose[:3, :3].T + pose[:3, 3]


def _visual_points(model: UrdfModel) -> dict[str, NDArray[np.float64]]:
    """Points (n, 3) of each link that has visuals, in the link's frame."""
    result = {}
    for link in model.links.values():
        clouds = [_apply(v.origin, _geometry_points(v, model.path)) for v in link.visuals]
        if clouds:
            result[link.name] = np.concatenate(clouds)
    return result


def _geometry_points(visual: Visual, urdf: Path) -> NDArray[np.float64]:
    geometry = visual.geometry
    if geometry.mesh is None:
        return shape_points(geometry)
    return _mesh_points(geometry.mesh, urdf) * np.array(geometry.scale)


def _mesh_points(mesh: Path, urdf: Path) -> NDArray[np.float64]:
    import trimesh  # slow to import, and not needed where the cache has the object

    try:
        loaded = trimesh.load(mesh, process=False, force="mesh", skip_materials=True)
        points = np.asarray(loaded.vertices, dtype=np.float64)
    except Exception as error:  # a broken mesh fails in as many ways as there are readers
        raise ObjectError(f"{urdf}: cannot read mesh {mesh}: {error}") from error
    if not len(points) or not np.isfinite(points).all():
        raise ObjectError(f"{urdf}: mesh {mesh} has no points, or points that are not finite")
    return points


def _moved(model: UrdfModel, scale: float, pose: Matrix) -> UrdfModel:
    """The object scaled by ``scale`` about its root frame, then placed by ``pose`` (4, 4).

    The pose goes into the root link's visuals and joints, so that the root frame itself ends up at the
    world's origin with z up: what the planar root turns about.
    """

    def scaled(origin: Matrix, link: str) -> Matrix:
        origin = transform(scale * origin[:3, 3], origin[:3, :3])
        return pose @ origin if link == model.root else origin

    def scaled_visual(visual: Visual, link: str) -> Visual:
        g = visual.geometry
        geometry = replace(
            g,
            size=tuple(scale * side for side in g.size),
            scale=(scale * g.scale[0], scale * g.scale[1], scale * g.scale[2]),
        )
        return replace(visual, geometry=geometry, origin=scaled(visual.origin, link))

    links = {
        name: Link(name, tuple(scaled_visual(v, name) for v in link.visuals))
        for name, link in model.links.items()
    }
    joints = []
    for joint in model.joints:
        joint = replace(joint, origin=scaled(joint.origin, joint.parent))
        if joint.type == "prismatic" and joint.lower is not None and joint.upper is not None:
            joint = replace(joint, lower=scale * joint.lower, upper=scale * joint.upper)
        joints.append(joint)
    return replace(model, links=links, joints=tuple(joints))


def _text(numbers: Iterable[float]) -> str:
    return " ".join(f"{float(number):.9g}" for number in numbers)


def _add_origin(element: ET.Element, pose: Matrix) -> None:
    ET.SubElement(element, "origin", xyz=_text(pose[:3, 3]), rpy=_text(matrix_to_rpy(pose[:3, :3])))


def _add_inertia(link: ET.Element, mass: float, centre: Iterable[float], moments: Iterable[float]) -> None:
    inertial = ET.SubElement(link, "inertial")
    ET.SubElement(inertial, "origin", xyz=_text(centre), rpy="0 0 0")
    ET.SubElement(inertial, "mass", value=_text([mass]))
    ixx, iyy, izz = (_text([moment]) for moment in moments)
    ET.SubElement(inertial, "inertia", ixx=ixx, iyy=iyy, izz=izz, ixy="0", ixz="0", iyz="0")


def _prepared_xml(model: UrdfModel, points: dict[str, NDArray[np.float64]]) -> ET.Element:
    robot = ET.Element("robot", name=model.name)
    ET.SubElement(robot, "link", name="world")
    bare = (_BARE_INERTIA,) * 3
    for name in PLANAR[:2]:
        _add_inertia(ET.SubElement(robot, "link", name=name), _BARE_MASS, (0, 0, 0), bare)
    corners = {name: (some.min(axis=0), some.max(axis=0)) for name, some in points.items()}
    masses = share_mass({name: high - low for name, (low, high) in corners.items()})
    for link in model.links.values():
        element = ET.SubElement(robot, "link", name=link.name)
        if link.name in corners:
            low, high = corners[link.name]
            mass = masses[link.name]
            _add_inertia(element, mass, (low + high) / 2, box_inertia(mass, high - low))
        else:
            _add_inertia(element, _BARE_MASS, (0, 0, 0), bare)
        for number, visual in enumerate(link.visuals):
            _add_visual(element, visual, f"{link.name}_colour_{number}")

    chain = ["world", PLANAR[0], PLANAR[1], model.root]
    axes = ("1 0 0", "0 1 0", "0 0 1")
    for name, parent, child, axis in zip(PLANAR, chain, chain[1:], axes, strict=False):
        kind = "continuous" if name == "planar_yaw" else "prismatic"
        element = _add_joint(robot, name, kind, parent, child)
        ET.SubElement(element, "axis", xyz=axis)
        if kind == "prismatic":
            _add_limit(element, -_TABLE, _TABLE)
    for joint in model.joints:
        element = _add_joint(robot, joint.name, joint.type, joint.parent, joint.child)
        _add_origin(element, joint.origin)
        if joint.type != "fixed":
            ET.SubElement(element, "axis", xyz=_text(joint.axis))
        if joint.type in ("revolute", "prismatic"):
            free = joint.lower is None or joint.upper is None
            _add_limit(element, *((-_FREE_SLIDE, _FREE_SLIDE) if free else _limits(joint)))
    ET.indent(robot)
    return robot


def _limits(joint: Joint) -> tuple[float, float]:
    assert joint.lower is not None
    assert joint.upper is not None
    return joint.lower, joint.upper


def _add_joint(robot: ET.Element, name: str, kind: str, parent: str, child: str) -> ET.Element:
    element = ET.SubElement(robot, "joint", name=name, type=kind)
    ET.SubElement(element, "parent", link=parent)
    ET.SubElement(element, "child", link=child)
    return element


def _add_limit(joint: ET.Element, lower: float, upper: float) -> None:
    ET.SubElement(joint, "limit", lower=_text([lower]), upper=_text([upper]), effort="1000", velocity="100")


def _add_visual(link: ET.Element, visual: Visual, colour_name: str) -> None:
    element = ET.SubElement(link, "visual")
    _add_origin(element, visual.origin)
    shape = visual.geometry
    geometry = ET.SubElement(element, "geometry")
    if shape.mesh is not None:
        ET.SubElement(geometry, "mesh", filename=str(shape.mesh), scale=_text(shape.scale))
    elif shape.kind == "box":
        ET.SubElement(geometry, "box", size=_text(shape.size))
    elif shape.kind == "cylinder":
        radius, length = shape.size
        ET.SubElement(geometry, "cylinder", radius=_text([radius]), length=_text([length]))
    else:
        ET.SubElement(geometry, "sphere", radius=_text(shape.size))
    if visual.rgba is not None:
        material = ET.SubElement(element, "material", name=colour_name)
        ET.SubElement(material, "color", rgba=_text(visual.rgba))


def _semantic_names(text: str) -> dict[str, str]:
    """Link name -> what it is, from lines "link joint-type name" (SAPIEN PartNet-Mobility's file)."""
    words = (line.split(maxsplit=2) for line in text.splitlines())
    return {line[0]: line[2].strip() for line in words if len(line) == 3}


def _part_name(model: UrdfModel, part: tuple[str, ...], named: dict[str, str]) -> str:
    for link in part:
        if link in named:
            return named[link]
    return next(link for link in part if model.links[link].visuals)


def _category(meta: bytes) -> str:
    try:
        value = json.loads(meta or b"{}").get("model_cat")
    except (ValueError, AttributeError):
        return "unknown"
    return value.lower() if isinstance(value, str) and value else "unknown"
