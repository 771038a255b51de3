"""How good predicted responses are."""
