"""The benchmark: policies scored over many episodes, and the tables and plots made of the scores."""
