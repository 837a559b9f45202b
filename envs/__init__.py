"""The Gymnasium environment `ArticulatedPlay-v0` and its simulator. Importing this package registers it.

Where Gymnasium was not imported yet, it is registered when it is: commands answer at once, who import no Gymnasium.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

ENV_ID = "ArticulatedPlay-v0"


def register() -> None:
    """Make the environment known to Gymnasium; nothing happens if it is."""
    import gymnasium as gym

    if ENV_ID not in gym.registry:
        gym.register(
            id=ENV_ID,
            entry_point="envs.play:ArticulatedPlay",
            vector_entry_point="envs.parallel.vector:PlayVectorEnv",
        )


class _RegisterWithGymnasium(MetaPathFinder):
    """Finds Gymnasium as it would be found anyway, and registers the environment once it is executed."""

    looking = False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The usual specification of Gymnasium, whose loader also registers; None for anything else."""
        if fullname != "gymnasium" or self.looking:
            return None
        self.looking = True
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self.looking = False
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_and_register(module: ModuleType) -> None:
                execute(module)
                if self in sys.meta_path:
                    sys.meta_path.remove(self)
                register()

            spec.loader.exec_module = execute_and_register  # type: ignore[method-assign]
        return spec


if "gymnasium" in sys.modules:
    register()
else:
    sys.meta_path.insert(0, _RegisterWithGymnasium())
