"""Training data on disk: recorded interactions and synthetic image pairs."""
