"""A response model: towers, network, outcome."""
