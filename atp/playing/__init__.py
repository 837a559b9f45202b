"""Playing episodes: the policies, and what happens between reset and the end."""
