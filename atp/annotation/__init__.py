"""Choosing the frames of interactions in a video and drawing polygons over what moved, in the browser."""
