"""Pure functions from state and desired state to a plan."""
