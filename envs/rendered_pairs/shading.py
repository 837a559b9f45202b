"""Draws a scene: light from several directions, each with a shadow, a surrounding that is reflected, textures.

The light of a surrounding is taken as that of a few directions: a key light with sharp shadows, and others whose soft
shadows make the insides of things dark.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.rendered_pairs.gl_context import gl_context
from envs.rendered_pairs.textured_meshes import Floats, GpuStore, Mesh

#: Directions of light; the first is the key light.
LIGHTS = 6
_ATLAS = 1024  # pixels of the image that holds all shadow maps
_TILES = [(0, 0, 512)] + [(512 + 256 * i, 256 * j, 256) for j in range(2) for i in range(2)]
_TILES += [(0, 512, 256)]

_VERTEX = """
#version 330
in vec3 in_position; in vec3 in_normal; in vec2 in_uv;
uniform mat4 model; uniform mat4 camera;
out vec3 position; out vec3 normal; out vec2 uv;
invariant gl_Position;
void main() {
    vec4 world = model * vec4(in_position, 1.0);
    position = world.xyz; normal = mat3(model) * in_normal; uv = in_uv;
    gl_Position = camera * world;
}
"""
_FRAGMENT = """
#version 330
const int LIGHTS = 6;
in vec3 position; in vec3 normal; in vec2 uv;
uniform vec3 eye; uniform vec3 colour; uniform float textured; uniform float gloss; uniform float metal;
uniform mat4 light_matrix[LIGHTS]; uniform vec3 light_direction[LIGHTS]; uniform vec3 light_colour[LIGHTS];
uniform vec4 light_tile[LIGHTS]; uniform float light_texel[LIGHTS];
uniform vec3 ambient; uniform float softness; uniform float reflected;
uniform sampler2D picture; uniform sampler2D surrounding; uniform sampler2DShadow shadows;
layout(location = 0) out vec4 radiance;

float lit(int i, vec3 n) {
    float slope = clamp(1.0 - dot(n, light_direction[i]), 0.15, 1.0);
    vec3 p = (light_matrix[i] * vec4(position + n * light_texel[i] * 1.6 * slope, 1.0)).xyz * 0.5 + 0.5;
    if (any(lessThan(p.xy, vec2(0.01))) || any(greaterThan(p.xy, vec2(0.99)))) return 1.0;
    vec3 at = vec3(p.xy * light_tile[i].z + light_tile[i].xy, p.z - 0.0015);
    float step = light_tile[i].w * (i == 0 ? softness : 1.0);
    vec3 a = vec3(step, 0.4 * step, 0.0), b = vec3(-0.4 * step, step, 0.0);
    float sum = texture(shadows, at + a) + texture(shadows, at - a);
    if (i > 0) return sum / 2.0;
    return (sum + texture(shadows, at + b) + texture(shadows, at - b)
            + texture(shadows, at + 2.0 * b) + texture(shadows, at - 2.0 * b)) / 6.0;
}

void main() {
    vec3 n = normalize(normal), v = normalize(eye - position);
    if (dot(n, v) < 0.0) n = -n;
    vec3 base = colour;
    if (textured > 0.5) base *= texture(picture, uv).rgb;
    base = pow(max(base, 0.0), vec3(2.2));
    float rough = 1.0 - gloss, power = exp2(1.0 + 9.0 * gloss), open = 0.0;
    vec3 f0 = mix(vec3(0.04), base, metal);
    vec3 diffuse = vec3(0.0), shine = vec3(0.0);
    for (int i = 0; i < LIGHTS; i++) {
        float facing = dot(n, light_direction[i]);
        if (facing <= 0.0) continue;
        float seen = lit(i, n);
        open += seen * facing;
        diffuse += light_colour[i] * facing * seen;
        float half_angle = max(dot(n, normalize(light_direction[i] + v)), 0.0);
        shine += light_colour[i] * facing * seen * pow(half_angle, power) * (power + 8.0) / 25.0 * gloss;
    }
    open = clamp(open * 0.75, 0.0, 1.0);
    vec3 r = reflect(-v, n);
    vec2 place = vec2(atan(r.y, r.x) / 6.2831853 + 0.5, acos(clamp(r.z, -1.0, 1.0)) / 3.1415927);
    vec3 mirrored = textureLod(surrounding, place, 1.0 + 5.0 * rough).rgb * (0.25 + 0.75 * open) * reflected;
    float grazing = pow(1.0 - max(dot(n, v), 0.0), 5.0);
    vec3 fresnel = f0 + (max(vec3(gloss), f0) - f0) * grazing;
    vec3 bounced = ambient * 0.5 * max(-n.z, 0.0) * (0.4 + 0.6 * smoothstep(0.0, 2.0, position.z));
    vec3 light = base * (1.0 - metal) * (diffuse + ambient * (0.15 + 0.85 * open) + bounced);
    radiance = vec4(light + fresnel * (mirrored + shine), 1.0);
}
"""
_SHADOW_FRAGMENT = "#version 330\nvoid main() {}\n"
_BODY_FRAGMENT = """
#version 330
uniform float body;
layout(location = 0) out vec4 written;
void main() { written = vec4(body / 255.0, 0.0, 0.0, 1.0); }
"""


@dataclass(frozen=True, eq=False)
class Item:
    """A mesh at a place.

    Attributes:
        mesh: What is drawn.
        pose: (4, 4) from its frame to the world.
        body: 0..255, written to the image of bodies.
        shadow: Whether it casts one; walls and floors do not.
    """

    mesh: Mesh
    pose: Floats = field(default_factory=lambda: np.eye(4))
    body: int = 0
    shadow: bool = True


@dataclass(frozen=True, eq=False)
class View:
    """A camera.

    Attributes:
        eye: (3,) metres.
        matrix: (4, 4) from the world to clip coordinates.
    """

    eye: Floats
    matrix: Floats


@dataclass(frozen=True, eq=False)
class Lighting:
    """Light of a scene.

    Attributes:
        directions: (LIGHTS, 3) unit vectors towards the lights; the first is the key light.
        colours: (LIGHTS, 3) linear.
        ambient: (3,) linear, light from everywhere.
        softness: Width of the key light's shadow edges.
        surrounding: (h, 2 h, 3) float16, linear: what shiny things reflect; row 0 is up, the middle column is +x.
        reflected: Factor on it.
    """

    directions: Floats
    colours: Floats
    ambient: Floats
    softness: float
    surrounding: NDArray[np.float16]
    reflected: float = 1.0


def looking_at(eye: Floats, target: Floats, field_of_view: float, roll: float = 0.0, aspect: float = 1.0) -> View:
    """A camera at ``eye`` that looks at ``target``, both (3,), with a vertical field of view and a roll in radians."""
    back = eye - target
    back = back / np.linalg.norm(back)
    right = np.cross([0.0, 0.0, 1.0], back)
    if np.linalg.norm(right) < 1e-4:
        right = np.array([1.0, 0.0, 0.0])
    right /= np.linalg.norm(right)
    up = np.cross(back, right)
    right, up = math.cos(roll) * right + math.sin(roll) * up, math.cos(roll) * up - math.sin(roll) * right
    turn = np.eye(4)
    turn[:3, :3] = np.stack([right, up, back])
    turn[:3, 3] = -turn[:3, :3] @ eye
    near, far = 0.03, 30.0
    f = 1.0 / math.tan(field_of_view / 2)
    lens = np.zeros((4, 4))
    lens[0, 0], lens[1, 1] = f / aspect, f
    lens[2, 2], lens[2, 3], lens[3, 2] = (far + near) / (near - far), 2 * far * near / (near - far), -1.0
    return View(np.asarray(eye, np.float64), lens @ turn)


class Renderer:
    """Draws items; one a process, see `renderer`."""

    def __init__(self) -> None:
        self.context = gl_context()
        make = self.context.program
        self._seen = make(vertex_shader=_VERTEX, fragment_shader=_FRAGMENT)
        self._cast = make(vertex_shader=_VERTEX, fragment_shader=_SHADOW_FRAGMENT)
        self._told = make(vertex_shader=_VERTEX, fragment_shader=_BODY_FRAGMENT)
        self.store = GpuStore(self.context, self._arrays)
        self._atlas = self.context.depth_texture((_ATLAS, _ATLAS))
        self._atlas.compare_func = "<="
        self._atlas.repeat_x = self._atlas.repeat_y = False
        self._shadow_buffer = self.context.framebuffer(depth_attachment=self._atlas)
        self._buffers: dict[tuple[int, str], Any] = {}
        for name, unit in (("picture", 0), ("surrounding", 1), ("shadows", 2)):
            self._seen[name].value = unit

    def _arrays(self, buffer: Any) -> tuple[Any, ...]:
        make = self.context.vertex_array
        return (
            make(self._seen, [(buffer, "3f 3f 2f", "in_position", "in_normal", "in_uv")]),
            make(self._cast, [(buffer, "3f 20x", "in_position")]),
            make(self._told, [(buffer, "3f 20x", "in_position")]),
        )

    def bodies(self, items: Sequence[Item], view: View, side: int) -> NDArray[np.uint8]:
        """The body that each pixel shows, (side, side) uint8, 0 where there is none."""
        buffer = self._buffer(side, "f1")
        buffer.use()
        self.context.enable(self.context.DEPTH_TEST)
        buffer.clear(0.0, 0.0, 0.0, 0.0)
        self._told["camera"].write(_columns(view.matrix))
        for item in items:
            self._told["model"].write(_columns(item.pose))
            self._told["body"].value = float(item.body)
            self.store.mesh(item.mesh)[2].render()
        pixels = np.frombuffer(buffer.read(components=1, alignment=1), np.uint8)
        return pixels.reshape(side, side)[::-1].copy()

    def draw(
        self, items: Sequence[Item], view: View, light: Lighting, side: int, centre: Floats, radius: float
    ) -> NDArray[np.float32]:
        """What the camera sees.

        Args:
            items: The scene.
            view: The camera.
            light: Its light.
            side: Pixels of the image.
            centre: (3,) the middle of what casts shadows, metres.
            radius: How far around it shadows are cast, metres.

        Returns:
            (side, side, 3) float32, linear.
        """
        matrices = self._cast_shadows([item for item in items if item.shadow], light, centre, radius)
        buffer = self._buffer(side, "f2")
        buffer.use()
        buffer.clear(*(light.ambient.tolist()), 1.0)
        program = self._seen
        program["camera"].write(_columns(view.matrix))
        program["eye"].value = tuple(view.eye.tolist())
        program["light_matrix"].write(np.stack([matrix.T for matrix in matrices]).astype(np.float32).tobytes())
        program["light_direction"].write(light.directions.astype(np.float32).tobytes())
        program["light_colour"].write(light.colours.astype(np.float32).tobytes())
        tiles = [(x / _ATLAS, y / _ATLAS, size / _ATLAS, 1.0 / _ATLAS) for x, y, size in _TILES]
        program["light_tile"].write(np.array(tiles, np.float32).tobytes())
        texels = [2 * radius / size for _, _, size in _TILES]
        program["light_texel"].write(np.array(texels, np.float32).tobytes())
        program["ambient"].value = tuple(light.ambient.tolist())
        program["softness"].value, program["reflected"].value = light.softness, light.reflected
        self._cast["camera"].write(_columns(view.matrix))
        for item in items:  # depth first, so that only what is seen is shaded
            self._cast["model"].write(_columns(item.pose))
            self.store.mesh(item.mesh)[1].render()
        self.store.texture(light.surrounding).use(1)
        self._atlas.use(2)
        for item in items:
            surface = item.mesh.surface
            program["model"].write(_columns(item.pose))
            program["colour"].value = surface.colour
            program["gloss"].value, program["metal"].value = surface.gloss, surface.metal
            program["textured"].value = float(surface.texture is not None)
            if surface.texture is not None:
                self.store.texture(surface.texture).use(0)
            self.store.mesh(item.mesh)[0].render()
        pixels = np.frombuffer(buffer.read(components=3, dtype="f2", alignment=1), np.float16)
        return pixels.reshape(side, side, 3)[::-1].astype(np.float32)

    def _cast_shadows(self, items: Sequence[Item], light: Lighting, centre: Floats, radius: float) -> list[Floats]:
        """Fill the shadow maps; from the world to each of them, (4, 4)."""
        self._shadow_buffer.use()
        self._shadow_buffer.viewport = (0, 0, _ATLAS, _ATLAS)
        self._shadow_buffer.clear(depth=1.0)
        self.context.enable(self.context.DEPTH_TEST)
        self.context.depth_func = "<="
        matrices = []
        models = [_columns(item.pose) for item in items]
        for direction, (x, y, size) in zip(light.directions, _TILES, strict=True):
            turn = np.eye(4)
            turn[:3, :3] = _basis(direction)
            turn[:3, 3] = -turn[:3, :3] @ centre
            matrix = np.diag([1 / radius, 1 / radius, -1 / (3 * radius), 1.0]) @ turn
            matrices.append(matrix)
            self._shadow_buffer.viewport = (x, y, size, size)
            self._cast["camera"].write(_columns(matrix))
            for item, model in zip(items, models, strict=True):
                self._cast["model"].write(model)
                self.store.mesh(item.mesh)[1].render()
        return matrices

    def _buffer(self, side: int, kind: str) -> Any:
        if (side, kind) not in self._buffers:
            colour = self.context.renderbuffer((side, side), 4, dtype=kind)
            depth = self.context.depth_renderbuffer((side, side))
            self._buffers[side, kind] = self.context.framebuffer([colour], depth)
        return self._buffers[side, kind]


def _basis(direction: Floats) -> Floats:
    """Rows: two axes across a direction, and the direction."""
    hint = np.eye(3)[int(np.abs(direction).argmin())]
    right = np.cross(hint, direction)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(direction, right), direction])


def _columns(matrix: Floats) -> bytes:
    return matrix.T.astype(np.float32).tobytes()


def renderer() -> Renderer:
    """The process's renderer."""
    return _renderer(os.getpid())


@lru_cache(maxsize=1)
def _renderer(process: int) -> Renderer:
    return Renderer()
