"""What goes wrong with clips."""


class ClipError(ValueError):
    """A clip cannot be read. The message names the file."""
