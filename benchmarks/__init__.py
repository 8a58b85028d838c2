"""How long whole commands take, and how much memory: `python -m benchmarks` prints a table."""
