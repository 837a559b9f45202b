"""Playing on a real object, with a person's hands in the place of grippers."""
