"""Many trainings compared: soup sweeps, soups of the agent, and the leave-one-out augmentation ablation."""
