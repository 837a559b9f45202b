"""Synthetic image pairs, before and after something moved: for perception alone, in places where nobody plays.

The environment shows an object that lies on a table, from above. Photographs show doors and lids from the front and
from the side, close or far, with hands, kitchens and bad light. What moved is known here too; nothing else is taken
from it.
"""

from __future__ import annotations

from envs.image_pairs.synthesis import ImagePair, synthesize_pair
from envs.image_pairs.variation import ImagePairConfig

__all__ = ["ImagePair", "ImagePairConfig", "synthesize_pair"]
