"""Images for people: primitives, grids of panels, PNG and video files."""
