"""Procedural articulated objects: one module per category, each a function of a random generator.

A category is added by one module, here or anywhere else:

    from assets.generators import GeneratedObject, register_category

    @register_category("toaster", split="test")
    def toaster(rng: np.random.Generator) -> GeneratedObject:
        ...

One of this package gets a line at the end of the list of imports below. One from elsewhere is named by its module,
``category="my_module:toaster"``, or just by ``"toaster"`` once the module is imported; workers of an
:class:`envs.parallel.pool.EnvironmentPool` then import it too, other processes need the long name.
"""

from __future__ import annotations

from assets.generators.category import CATEGORY_REGISTRY, Category, register_category
from assets.generators.model import GeneratedObject, Joint, Link, Material, Visual

# Categories register in this order, which is their order in every split and so decides which object a seed of the
# environment gives. A new one goes to the end; where no category is asked for, it changes that all the same.
# isort: off
from assets.generators import scissors, knife, usb, safe  # noqa: F401
from assets.generators import pliers, microwave, lighter, eyeglasses, multilink  # noqa: F401
from assets.generators import drawers, laptop, double_door, chain  # noqa: F401
from assets.generators import wire_frame, cabinet, appliance, lid_box, tool, rotor  # noqa: F401
# isort: on

__all__ = [
    "CATEGORY_REGISTRY",
    "Category",
    "GeneratedObject",
    "Joint",
    "Link",
    "Material",
    "Visual",
    "register_category",
]
