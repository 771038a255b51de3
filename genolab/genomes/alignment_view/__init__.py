"""Read an alignment of any length."""
