"""Frozen values: the state that was read, the state that is wanted, and the plan between them."""
