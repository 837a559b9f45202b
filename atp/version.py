"""The version of the package, which checkpoints and results are marked with."""

__version__ = "0.1.0"
