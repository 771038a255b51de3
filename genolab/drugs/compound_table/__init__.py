"""A table of compounds to filter and pick from."""
