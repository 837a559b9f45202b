"""The part memory: from motion masks to parts."""
