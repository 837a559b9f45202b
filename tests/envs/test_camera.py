"""Camera: pixels to the world and back, the ground, and the convention of the eight directions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from assets.conventions import CAMERA_DISTANCE
from envs.camera import FAR, NEAR, Camera, push_vector

TILTED = {"tilt": (0.2, -0.15), "distance": 1.3, "offset": (0.04, -0.03)}
CAMERAS = {
    "default": Camera.above(90, 90),
    "tilted": Camera.above(90, 90, **TILTED),  # type: ignore[arg-type]
    "wide": Camera.above(60, 120, **TILTED),  # type: ignore[arg-type]
    "tall": Camera.above(101, 47),
}


@pytest.mark.parametrize("name", CAMERAS)
def test_pixel_to_world_to_pixel(name):
    camera, rng = CAMERAS[name], np.random.default_rng(0)
    rows, cols = rng.integers(camera.height, size=500), rng.integers(camera.width, size=500)
    depth = rng.uniform(0.5, 2.0, 500)
    points = camera.unproject(rows, cols, depth)
    assert points.dtype == np.float32
    back_rows, back_cols, back_depth = camera.project(points)
    np.testing.assert_allclose(back_rows, rows + 0.5, atol=1e-3)
    np.testing.assert_allclose(back_cols, cols + 0.5, atol=1e-3)
    np.testing.assert_allclose(back_depth, depth, atol=1e-5)


@pytest.mark.parametrize("name", CAMERAS)
def test_world_to_pixel_to_world(name):
    camera, rng = CAMERAS[name], np.random.default_rng(1)
    points = np.column_stack([rng.uniform(-0.2, 0.2, (300, 2)), rng.uniform(0, 0.3, 300)])
    rows, cols, depth = camera.project(points)
    assert depth.min() > 0
    pixel_rows, pixel_cols = np.floor(rows).astype(int), np.floor(cols).astype(int)
    inside = (pixel_rows >= 0) & (pixel_rows < camera.height) & (pixel_cols >= 0) & (pixel_cols < camera.width)
    assert inside.sum() > 100
    back = camera.unproject(pixel_rows[inside], pixel_cols[inside], depth[inside])
    # within half a pixel's footprint along each image axis
    assert np.linalg.norm(back - points[inside], axis=1).max() < 0.72 * depth.max() / camera.focal


def test_the_default_view_is_a_metre_wide_with_x_right_and_y_up():
    corners = np.array([[-0.5, 0.5, 0], [0.5, 0.5, 0], [0.5, -0.5, 0], [-0.5, -0.5, 0], [0, 0, 0]], float)
    rows, cols, depth = Camera.above(90, 90).project(corners)
    np.testing.assert_allclose(rows, [0, 0, 90, 90, 45], atol=1e-9)
    np.testing.assert_allclose(cols, [0, 90, 90, 0, 45], atol=1e-9)
    np.testing.assert_allclose(depth, CAMERA_DISTANCE)


@pytest.mark.parametrize(("height", "width"), [(60, 120), (120, 60)])
def test_the_longer_side_shows_a_metre(height, width):
    rows, cols, _ = Camera.above(height, width).project(np.array([[0.5, 0.5, 0.0]]))
    assert max(cols[0] - width / 2, height / 2 - rows[0]) == pytest.approx(60)


def test_a_nearer_point_is_seen_larger():
    camera = Camera.above(90, 90)
    _, cols, depth = camera.project(np.array([[0.3, 0, 0], [0.3, 0, 0.3]], float))
    np.testing.assert_allclose(depth, [1.5, 1.2])
    np.testing.assert_allclose(cols - 45, [0.3 / 1.5 * 135, 0.3 / 1.2 * 135])


def test_the_camera_looks_at_its_target_from_the_set_distance():
    for tilt in ((0.25, 0.0), (0.0, 0.25), (-0.2, 0.1)):
        camera = Camera.above(90, 90, tilt=tilt, distance=1.7, offset=(0.05, -0.02))
        rows, cols, depth = camera.project(np.array([[0.05, -0.02, 0.0]]))
        np.testing.assert_allclose([rows[0], cols[0], depth[0]], [45, 45, 1.7])
        np.testing.assert_allclose(camera.rotation @ camera.rotation.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(camera.rotation) == pytest.approx(1)
        # the optical axis is the vertical rotated by both angles
        cosine = camera.rotation[:, 2] @ np.array([0, 0, -1.0])
        assert cosine == pytest.approx(math.cos(tilt[0]) * math.cos(tilt[1]))


def test_ground_depth_from_above_is_the_cameras_height_everywhere():
    np.testing.assert_allclose(Camera.above(40, 50, distance=1.2).ground_depth, 1.2, rtol=1e-6)


def test_ground_depth_of_a_tilted_camera():
    # Tilted by t about x, the pixel with image coordinate v (down positive, in focal lengths) sees the ground at
    # z-depth d / (1 - v tan t') with the sign of t' worked out by hand: t > 0 moves the camera towards -y, so that
    # the top of the image is farther away.
    angle, distance = 0.3, 1.4
    camera = Camera.above(90, 70, tilt=(angle, 0.0), distance=distance)
    assert camera.position[1] < 0
    v = (np.arange(90) + 0.5 - 45) / camera.focal
    wanted = distance * math.cos(angle) / (math.cos(angle) + v * math.sin(angle))
    np.testing.assert_allclose(camera.ground_depth, np.repeat(wanted[:, None], 70, axis=1), rtol=1e-5)
    assert camera.ground_depth[0, 0] > camera.ground_depth[-1, 0]


@pytest.mark.parametrize("name", CAMERAS)
def test_ground_depth_leads_to_the_ground(name):
    camera = CAMERAS[name]
    rows, cols = (grid.ravel() for grid in np.mgrid[: camera.height, : camera.width])
    points = camera.unproject(rows, cols, camera.ground_depth.ravel())
    assert np.abs(points[:, 2]).max() < 1e-5


def test_rays_that_miss_the_ground_end_at_the_far_plane():
    camera = Camera.above(90, 90, tilt=(1.5, 0.0))
    assert camera.ground_depth[0, 0] == np.float32(FAR)
    assert camera.ground_depth[-1, 0] < FAR
    assert camera.ground_depth.max() <= FAR


@pytest.mark.parametrize("k", range(8))
def test_direction_k_in_the_image(k):
    """k = 0 is image right, and angles run counter-clockwise: (d_row, d_col) = (-sin, cos)."""
    names = ["right", "up right", "up", "up left", "left", "down left", "down", "down right"]
    signs = {"right": (0, 1), "left": (0, -1), "up": (-1, 0), "down": (1, 0)}
    angle = k * math.pi / 4
    step = np.array([[0, 0, 0.05], [0.1 * math.cos(angle), 0.1 * math.sin(angle), 0.05]])
    rows, cols, _ = Camera.above(90, 90).project(step)
    motion = np.array([rows[1] - rows[0], cols[1] - cols[0]])
    motion /= np.linalg.norm(motion)
    np.testing.assert_allclose(motion, [-math.sin(angle), math.cos(angle)], atol=1e-9)
    wanted = np.sum([signs[word] for word in names[k].split()], axis=0)
    np.testing.assert_array_equal(np.sign(np.round(motion, 6)), wanted)


@pytest.mark.parametrize("name", CAMERAS)
def test_the_matrices_for_opengl_say_the_same_as_project(name):
    camera, rng = CAMERAS[name], np.random.default_rng(2)
    points = np.column_stack([rng.uniform(-0.4, 0.4, (100, 2)), rng.uniform(0, 0.3, 100), np.ones(100)])
    view, projection = (np.reshape(m, (4, 4)).T for m in (camera.view_matrix, camera.projection_matrix))
    clip = points @ (projection @ view).T
    device = clip[:, :3] / clip[:, 3:]
    rows, cols, depth = camera.project(points[:, :3])
    np.testing.assert_allclose((device[:, 0] + 1) / 2 * camera.width, cols, atol=1e-9)
    np.testing.assert_allclose((1 - device[:, 1]) / 2 * camera.height, rows, atol=1e-9)
    buffer = (device[:, 2] + 1) / 2  # what OpenGL's depth buffer holds
    np.testing.assert_allclose(FAR * NEAR / (FAR - (FAR - NEAR) * buffer), depth, atol=1e-9)


@pytest.mark.parametrize("elevation", [90, 60, 35, 10])
@pytest.mark.parametrize("k", range(8))
def test_a_push_goes_in_its_direction_in_the_image(k: int, elevation: float) -> None:
    radians = math.radians(elevation)
    camera = Camera.above(90, 90, elevation=radians, target_height=0.2)
    vector = np.array(push_vector(k, radians))
    assert np.linalg.norm(vector) == pytest.approx(1.0)
    rows, cols, depth = camera.project(np.array([[0.0, 0.0, 0.2], [0.0, 0.0, 0.2] + 0.1 * vector]))
    assert (rows[0], cols[0], depth[0]) == pytest.approx((45, 45, CAMERA_DISTANCE))
    assert depth[1] == pytest.approx(depth[0])  # parallel to the plane of the image
    angle = math.atan2(rows[0] - rows[1], cols[1] - cols[0])
    assert math.cos(angle - k * math.pi / 4) == pytest.approx(1.0)


def test_a_camera_at_an_elevation_looks_at_the_target_from_the_side_of_minus_y() -> None:
    camera = Camera.above(90, 90, elevation=math.radians(30), target_height=0.1)
    assert camera.position == pytest.approx([0.0, -1.5 * math.cos(math.radians(30)), 0.1 + 1.5 * 0.5])
    np.testing.assert_allclose(camera.rotation[:, 0], [1.0, 0.0, 0.0], atol=1e-12)
    assert Camera.above(90, 90).ground_depth.max() < FAR
    low = Camera.above(90, 90, elevation=math.radians(10))
    assert low.ground_depth.max() == FAR  # the horizon is in the image
