"""Long work: spread over processes, shown while it runs, resumed after a stop."""
