"""Live pictures for the notebook: a run, and the latent space that it learns.

Widgets
-------
TrainingPanel   start, pause, step, stop, and tune while it trains
LatentExplorer  every row a point; colour, find, select
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
