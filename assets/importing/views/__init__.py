"""From where an object is looked at, and how large."""
