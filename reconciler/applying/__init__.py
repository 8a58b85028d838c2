"""Carrying out a plan: the executor and the checklist."""
