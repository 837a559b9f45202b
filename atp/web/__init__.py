"""A page in the browser on which people play with the agent; needs the extra ``web``."""
