"""Change a sequence, and see the prediction and the contributions move."""
