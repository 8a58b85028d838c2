"""Writing organization files."""
