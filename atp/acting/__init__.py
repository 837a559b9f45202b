"""Choosing a hold and a push from the reward maps."""
