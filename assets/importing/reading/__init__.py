"""A URDF and the files that it names, checked and read into a plain model."""
