"""Networks of the agent (torch only; no Gymnasium, no simulator)."""
