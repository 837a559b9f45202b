"""The Gymnasium environment `ArticulatedPlay-v0` and its simulator. Importing this package registers it."""

from __future__ import annotations

import gymnasium as gym

ENV_ID = "ArticulatedPlay-v0"

if ENV_ID not in gym.registry:
    gym.register(
        id=ENV_ID,
        entry_point="envs.play:ArticulatedPlay",
        vector_entry_point="envs.parallel.vector:PlayVectorEnv",
    )
