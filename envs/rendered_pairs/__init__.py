"""Synthetic image pairs that look like photographs: real assets in rooms, drawn by OpenGL, with hands and robots.

Needs the extra `pictures` and EGL; see `envs.rendered_pairs.subject_library` for what pairs are drawn of.
"""

from __future__ import annotations

from envs.rendered_pairs.gl_context import PicturesMissing
from envs.rendered_pairs.pair_rendering import RenderedPair, render_pair
from envs.rendered_pairs.pair_variation import RenderedPairConfig
from envs.rendered_pairs.subject_library import Library, training_library

__all__ = ["Library", "PicturesMissing", "RenderedPair", "RenderedPairConfig", "render_pair", "training_library"]
