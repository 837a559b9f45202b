"""Where links are, which joints move parts, and how far."""
