"""Checkpoints as training leaves them behind, of any library: found, read block by block, and written alike.

Nothing in a file is run: PyTorch files are read with ``weights_only``, and what that does not allow is refused by name.
"""
