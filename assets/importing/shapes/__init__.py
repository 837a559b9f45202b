"""What links look like: meshes, their materials, and what is written for a simulator."""
