"""Many environments at once, in worker processes or Ray actors."""
