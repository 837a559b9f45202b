"""Reading objects that others made: any URDF folder made ready to simulate."""
