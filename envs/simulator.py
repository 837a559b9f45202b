"""The physical scene and its object: a hold gripper, a push gripper and a camera act on it. Imports PyBullet.

The object lies on a table: it slides and rotates in the plane against friction and is not fixed to the ground.
A gripper is a constraint of bounded force between the link and a moving frame. Within an interaction
the dynamics are PyBullet's, with momentum; all velocities are reset to zero before and after it, so an image never
shows something in motion.
"""

from __future__ import annotations

import importlib.util
import weakref
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.importing.prepare import PreparedObject
from envs.camera import FAR, NEAR, Camera, push_vector
from envs.native import complaint, quiet
from envs.truth import View

with quiet():  # it prints when it was built
    import pybullet as bullet

Renderer = Literal["tiny", "egl"]
#: What a held link may still do: nothing (``fixed``), or rotate about the held point (``point``).
HoldConstraint = Literal["fixed", "point"]

TIME_STEP = 1 / 240
#: Metres that the push gripper travels: about 18 pixels of a 90-pixel view.
PUSH_DISTANCE = 0.2
#: Sub-steps in which the push gripper travels, and then rests.
PUSH_STEPS, REST_STEPS = 48, 12
PUSH_FORCE, HOLD_FORCE = 10.0, 500.0  # newtons
#: Rows and columns in pixels by which TinyRenderer would draw everything too far up and right: its pixel (r, c) shows
#: what is at (r + 1, c), not at (r + 0.5, c + 0.5). The projection makes up for it. Measured; EGL was not.
_TINY_SHIFT = (-0.5, 0.5)
#: Index of the link by the code that a pixel has in PyBullet's segmentation; the last is for no object.
_LINK_OF_CODE = np.array([*range(-1, 254), -1], np.int16)


@dataclass(frozen=True)
class Friction:
    """Coulomb friction of the object against the table and in its joints.

    The joints' is the larger, so that an object that nobody holds moves as a whole: this is what makes holding
    worth learning.

    Attributes:
        slide: Newtons against sliding on the table.
        yaw: Newton-metres against rotating on the table.
        hinge: Newton-metres in every revolute joint.
        rail: Newtons in every prismatic joint.
    """

    slide: float = 1.0
    yaw: float = 0.1
    hinge: float = 0.3
    rail: float = 1.5


@dataclass(frozen=True)
class Light:
    """Lighting of the renderer.

    Attributes:
        direction: World vector towards the light.
        colour: Red, green, blue in 0..1.
        ambient: Ambient coefficient.
        diffuse: Diffuse coefficient.
        specular: Specular coefficient.
    """

    direction: tuple[float, float, float] = (0.4, 0.3, 1.0)
    colour: tuple[float, float, float] = (1.0, 1.0, 1.0)
    ambient: float = 0.6
    diffuse: float = 0.45
    specular: float = 0.1


@dataclass(frozen=True)
class Grip:
    """Where a gripper takes hold.

    Attributes:
        link: Index of the link in the simulator.
        point: World point (x, y, z) in metres.
    """

    link: int
    point: tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class JointLine:
    """Where a joint is now.

    Attributes:
        axis: (3,) unit vector in the world.
        pivot: (3,) a point on it in world metres.
        position: In rad or m.
    """

    axis: NDArray[np.float64]
    pivot: NDArray[np.float64]
    position: float


#: Worlds that are open. PyBullet has room for 1024 in a process, and crashes when it opens more.
_worlds: set[int] = set()
MOST_WORLDS = 1000


class Client:
    """A PyBullet world of its own. Its methods are PyBullet's functions with the world's number filled in.

    Raises:
        RuntimeError: There are too many in this process.
    """

    def __init__(self) -> None:
        number = -1
        if len(_worlds) < MOST_WORLDS:
            with quiet():
                number = bullet.connect(bullet.DIRECT)
        if number < 0:
            raise RuntimeError(
                f"PyBullet opens no more worlds in a process, {len(_worlds)} are open: close() environments after use"
            )
        _worlds.add(number)
        self.number = number
        self.close = weakref.finalize(self, _disconnect, number)  # at most once, at the latest at exit

    def __getattr__(self, name: str) -> Any:
        function = partial(getattr(bullet, name), physicsClientId=self.number)
        setattr(self, name, function)
        return function

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a PyBullet world cannot be copied or pickled; environments can be, see get_state()")


class ClosedClient:
    """In place of a world that was closed, whose number PyBullet may have given to another one."""

    def close(self) -> None:
        """Nothing is left to close."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("the simulator was closed")


#: Numbers of the worlds that render with EGL: at most one, since PyBullet mixes up the images of several.
_egl_worlds: set[int] = set()


def _disconnect(number: int) -> None:
    with quiet():  # EGL says that it closes its window
        bullet.disconnect(number)
    _egl_worlds.discard(number)
    _worlds.discard(number)


def _start_egl(client: Client) -> None:
    """Load PyBullet's renderer plugin. Where EGL does not start it ends the process: hence the trial.

    Raises:
        RuntimeError: EGL does not start on this machine, or is in use in this process.
    """
    if _egl_worlds:
        raise RuntimeError(
            "renderer='egl' serves one environment per process: close() the other one, or use a vector "
            "environment with subprocesses"
        )
    spec = importlib.util.find_spec("eglRenderer")  # lies beside PyBullet
    library = spec.origin if spec is not None else None
    plugin = (library, "_eglRendererPlugin")
    trial = "import pybullet as b; b.connect(b.DIRECT); raise SystemExit(b.loadPlugin(*{!r}) < 0)"
    reason = "PyBullet was built without it" if library is None else complaint(trial.format(plugin))
    if reason is not None:
        raise RuntimeError(f"renderer='egl' did not start ({reason}); use renderer='tiny', which needs no OpenGL")
    _egl_worlds.add(client.number)
    with quiet():
        client.loadPlugin(*plugin)


class Simulator:
    """One object in PyBullet.

    Args:
        renderer: ``"tiny"`` (software) or ``"egl"`` (OpenGL without a screen). Their images differ slightly.

    Attributes:
        client: The world's PyBullet functions.

    Raises:
        RuntimeError: EGL was asked for and does not start on this machine, or is in use in this process.
    """

    def __init__(self, renderer: Renderer = "tiny") -> None:
        if renderer not in ("tiny", "egl"):
            raise ValueError(f"renderer must be 'tiny' or 'egl', not {renderer!r}")
        self.client: Any = Client()
        self._renderer, self._shift = bullet.ER_TINY_RENDERER, _TINY_SHIFT
        self._while_rendering: Callable[[], AbstractContextManager[None]] = nullcontext
        if renderer == "egl":
            _start_egl(self.client)
            self._renderer, self._shift = bullet.ER_BULLET_HARDWARE_OPENGL, (0.0, 0.0)
            self._while_rendering = quiet  # now and then it names its vendor
        self._body = -1
        self._loaded: PreparedObject | None = None
        self._painted = False
        self._joints: dict[str, int] = {}
        self._links: dict[str, int] = {}
        self._movable: list[int] = []
        self._part_links: list[int] = []
        self._label_of_code = np.zeros(256, np.uint8)

    def load(self, model: PreparedObject, friction: Friction) -> None:
        """Put ``model`` into an empty scene.

        Args:
            model: The object, as :func:`assets.importing.prepare.prepare` makes it.
            friction: Friction on the table and in the joints.
        """
        client = self.client
        if model != self._loaded or self._painted:  # paint does not come off
            self._loaded, self._painted = None, False
            client.resetSimulation()
            client.setGravity(0, 0, 0)  # weight is in the friction on the table; see `Friction`
            client.setTimeStep(TIME_STEP)
            with quiet():
                self._body = client.loadURDF(
                    str(model.urdf),
                    useFixedBase=True,
                    flags=bullet.URDF_USE_INERTIA_FROM_FILE,
                )
            self._index(model)
            self._loaded = model
        for index in range(client.getNumJoints(self._body)):
            info = client.getJointInfo(self._body, index)
            force = {
                b"planar_x": friction.slide,
                b"planar_y": friction.slide,
                b"planar_yaw": friction.yaw,
            }.get(info[1], friction.rail if info[2] == bullet.JOINT_PRISMATIC else friction.hinge)
            if info[2] in (bullet.JOINT_REVOLUTE, bullet.JOINT_PRISMATIC):
                client.setJointMotorControl2(
                    self._body, index, bullet.VELOCITY_CONTROL, targetVelocity=0.0, force=force
                )

    def _index(self, model: PreparedObject) -> None:
        """Look up joints and links by name once."""
        infos = [self.client.getJointInfo(self._body, j) for j in range(self.client.getNumJoints(self._body))]
        self._joints = {info[1].decode(): info[0] for info in infos}
        self._links = {info[12].decode(): info[0] for info in infos}
        self._movable = [i[0] for i in infos if i[2] in (bullet.JOINT_REVOLUTE, bullet.JOINT_PRISMATIC)]
        self._part_links = [self._links[part[0]] for part in model.parts]
        self._label_of_code = np.zeros(256, np.uint8)
        for label, part in enumerate(model.parts, start=1):
            self._label_of_code[[self._links[name] + 1 for name in part]] = label

    def place(self, pose: tuple[float, float, float], joints: Mapping[str, float]) -> None:
        """Set the object's pose and joints, at rest.

        Args:
            pose: x and y in metres and yaw in radians.
            joints: Position by joint name: radians, or metres for a prismatic one. The others go to 0.
        """
        planar = zip(("planar_x", "planar_y", "planar_yaw"), pose, strict=True)
        positions = {self._joints[name]: position for name, position in [*planar, *joints.items()]}
        self.restore([(index, positions.get(index, 0.0)) for index in self._movable])

    def paint(self, colours: Mapping[int, tuple[float, float, float]]) -> None:
        """Tint links.

        Args:
            colours: Red, green, blue in 0..1 by link index; multiplied with the link's texture.
        """
        for shape in self.client.getVisualShapeData(self._body) if colours else ():
            if shape[1] in colours:
                self._painted = True
                self.client.changeVisualShape(self._body, shape[1], rgbaColor=(*colours[shape[1]], 1.0))

    def label_of(self, link: int) -> int:
        """Part label of a link, 0 for one that belongs to no part."""
        return int(self._label_of_code[link + 1])

    @property
    def part_links(self) -> list[list[int]]:
        """Link indices of every part, in the order of the labels."""
        assert self._loaded is not None
        return [[self._links[name] for name in part] for part in self._loaded.parts]

    def state(self) -> list[tuple[int, float]]:
        """Everything needed to come back: (joint index, position) of every joint that can move."""
        states = self.client.getJointStates(self._body, self._movable)
        return [(index, state[0]) for index, state in zip(self._movable, states, strict=True)]

    def restore(self, state: list[tuple[int, float]]) -> None:
        """Go back to a state from :meth:`state`, at rest."""
        reset = self.client.resetJointState
        for index, position in state:
            reset(self._body, index, position, 0.0)

    def part_poses(self) -> NDArray[np.float64]:
        """Poses of the parts in the world.

        Returns:
            (P, 4, 4) float64 homogeneous matrices, metres.
        """
        entries: list[float] = []  # one flat list is turned into an array much faster than nested ones
        for state in self.client.getLinkStates(self._body, self._part_links, computeForwardKinematics=1):
            x, y, z = state[4]
            a, b, c, d, e, f, g, h, i = bullet.getMatrixFromQuaternion(state[5])
            entries += (a, b, c, x, d, e, f, y, g, h, i, z, 0.0, 0.0, 0.0, 1.0)
        return np.array(entries).reshape(-1, 4, 4)

    @property
    def loaded(self) -> PreparedObject:
        """The object in the scene."""
        assert self._loaded is not None
        return self._loaded

    def joint_lines(self) -> list[JointLine]:
        """Where the joints that move parts are now, in the order of the object's joints."""
        lines = []
        for joint in self.loaded.joints:
            index = self._joints[joint.name]
            state = self.client.getLinkState(self._body, index, computeForwardKinematics=1)
            rotation = np.array(bullet.getMatrixFromQuaternion(state[5])).reshape(3, 3)
            axis = rotation @ np.array(self.client.getJointInfo(self._body, index)[13])
            position = float(self.client.getJointState(self._body, index)[0])
            lines.append(JointLine(axis / np.linalg.norm(axis), np.array(state[4]), position))
        return lines

    def interact(
        self,
        hold: Grip | None,
        push: Grip | None,
        direction: int,
        mode: HoldConstraint = "fixed",
    ) -> None:
        """Hold one place and push another; afterwards everything is at rest and let go.

        Args:
            hold: Where to hold, or None for a gripper that touches nothing.
            push: Where to push, or None for a gripper that touches nothing.
            direction: k in 0..7 in the plane of the image, see :func:`envs.camera.push_vector`.
            mode: ``"fixed"`` keeps the held link where it is; ``"point"`` lets it rotate about the held point.
        """
        if push is None:
            return  # nothing exerts a force
        client = self.client
        held = None
        if hold is not None:
            held = self._attach(hold, fixed=mode == "fixed")
            client.changeConstraint(held, maxForce=HOLD_FORCE)
        pushed = self._attach(push, fixed=False)
        x, y, z = push.point
        assert self._loaded is not None
        vector = push_vector(direction, self._loaded.view.elevation)
        dx, dy, dz = (PUSH_DISTANCE / PUSH_STEPS * share for share in vector)
        move_gripper, simulate = client.changeConstraint, client.stepSimulation
        for step in range(1, PUSH_STEPS + 1):
            move_gripper(pushed, (x + dx * step, y + dy * step, z + dz * step), maxForce=PUSH_FORCE)
            simulate()
        for _ in range(REST_STEPS):
            simulate()
        client.removeConstraint(pushed)
        if held is not None:
            client.removeConstraint(held)
        self.restore(self.state())

    def _attach(self, grip: Grip, *, fixed: bool) -> int:
        """Tie a link to the world at ``grip.point``; returns the constraint."""
        client = self.client
        state = client.getLinkState(self._body, grip.link, computeForwardKinematics=1)
        centre, orientation = state[0], state[1]  # constraints are in the frame of the centre of mass
        inverse = bullet.invertTransform(centre, orientation)
        local, _ = bullet.multiplyTransforms(*inverse, grip.point, (0, 0, 0, 1))
        constraint: int = client.createConstraint(
            self._body,
            grip.link,
            -1,
            -1,
            bullet.JOINT_FIXED if fixed else bullet.JOINT_POINT2POINT,
            (0, 0, 0),
            local,
            grip.point,
            (0, 0, 0, 1),
            orientation,
        )
        return constraint

    def render(self, camera: Camera, light: Light) -> View:
        """Render an image, without grippers.

        Args:
            camera: The camera.
            light: The lighting.

        Returns:
            The noise-free view.
        """
        with self._while_rendering():
            _, _, rgba, buffer, segmentation = self.client.getCameraImage(
                camera.width,
                camera.height,
                camera.view_matrix,
                camera.projection_shifted(-self._shift[0], -self._shift[1]),
                lightDirection=light.direction,
                lightColor=light.colour,
                lightDistance=3.0,
                shadow=0,
                lightAmbientCoeff=light.ambient,
                lightDiffuseCoeff=light.diffuse,
                lightSpecularCoeff=light.specular,
                renderer=self._renderer,
                flags=bullet.ER_SEGMENTATION_MASK_OBJECT_AND_LINKINDEX,
            )
        shape = (camera.height, camera.width)
        # The highest byte of a segment is the link's index + 1, or 255 where no object is.
        segments: Any = np.asarray(segmentation, "<i4").view(np.uint8).reshape(*shape, 4)
        codes = cv2.extractChannel(segments, 3)
        labels, links = cv2.LUT(codes, self._label_of_code), cv2.LUT(codes, _LINK_OF_CODE)
        depth = np.asarray(buffer, np.float32).reshape(shape) * np.float32(NEAR - FAR)
        depth += FAR
        np.divide(np.float32(FAR * NEAR), depth, out=depth)
        np.copyto(depth, camera.ground_depth, where=codes == 255)
        rgb: Any = cv2.cvtColor(np.asarray(rgba, np.uint8).reshape(*shape, 4), cv2.COLOR_RGBA2RGB)
        return View(rgb, depth, np.asarray(labels, np.uint8), np.asarray(links, np.int16))

    def close(self) -> None:
        """Free the world and all that is in it; the simulator can do nothing more."""
        self.client.close()
        self.client = ClosedClient()


def look_at_urdf(urdf: Path, positions: Mapping[str, float], camera: Camera) -> dict[str, NDArray[np.bool_]]:
    """Which pixels show each link of a URDF file, as it is and where it is, with nothing else in the world.

    Args:
        urdf: The file; its root link stands at the world's origin.
        positions: Of all its joints, by name, in rad or m; those of fixed ones are not looked at.
        camera: The camera.

    Returns:
        For each link (H, W) bool, by name.

    Raises:
        ValueError: PyBullet does not load the file, or it has other joints.
    """
    client = Client()
    try:
        with quiet():
            body = client.loadURDF(str(urdf), useFixedBase=True, flags=bullet.URDF_USE_INERTIA_FROM_FILE)
        infos = [client.getJointInfo(body, joint) for joint in range(client.getNumJoints(body))]
        if {info[1].decode() for info in infos} != set(positions):
            raise ValueError(f"{urdf}: has other joints than {', '.join(positions)}")
        for info in infos:
            if info[2] != bullet.JOINT_FIXED:
                client.resetJointState(body, info[0], positions[info[1].decode()])
        rows, cols = _TINY_SHIFT
        _, _, _, _, segmentation = client.getCameraImage(
            camera.width, camera.height, camera.view_matrix, camera.projection_shifted(-rows, -cols),
            renderer=bullet.ER_TINY_RENDERER, flags=bullet.ER_SEGMENTATION_MASK_OBJECT_AND_LINKINDEX,
        )  # fmt: skip
        segments: Any = np.asarray(segmentation, "<i4").view(np.uint8).reshape(camera.height, camera.width, 4)
        names = [client.getBodyInfo(body)[0].decode(), *(info[12].decode() for info in infos)]
        return {name: segments[..., 3] == code for code, name in enumerate(names)}
    except bullet.error as error:
        raise ValueError(f"{urdf}: PyBullet does not load it ({error})") from error
    finally:
        client.close()
