"""What every training run has: a folder, a log, a way to stop and to resume."""
