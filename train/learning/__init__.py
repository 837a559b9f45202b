"""Learning from play: the collector, the learner and the trainers."""
