"""Seeing: what moved between two images, and where the object is."""
