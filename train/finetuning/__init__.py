"""Fine-tunes for model soups: a task, recipes drawn at random, and many runs from one initialisation."""
