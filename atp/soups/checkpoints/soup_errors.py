"""What can be wrong with checkpoints."""

from __future__ import annotations


class SoupError(ValueError):
    """Checkpoints cannot be mixed; the message names the file and the tensor, and what to do."""


class LackingError(SoupError):
    """A method lacks something that it needs, such as an initialisation or a score."""


class SoupWarning(UserWarning):
    """A choice matters that was not made."""
