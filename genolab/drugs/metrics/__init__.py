"""How well responses are predicted: errors, rankings and uncertainty, over weighted rows.

A metric is a function that returns a function: made once from a model's predictions, then called with weights of the
rows, ``(b, n)``, a line a bootstrap sample, for ``(b,)`` figures. Weights of one give the figure itself.
"""
