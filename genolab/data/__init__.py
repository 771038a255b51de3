"""Anything to AnnData, and AnnData to batches.

AnnData in
----------
fetch           a data set by its name
catalog         the data sets that there are
mirror          a folder of them for a room without network
Source          a data set of your own
File            one of its files
read            a file or folder, by its suffix
simulate_cells  cells whose truth is known

Batches out
-----------
AnnDataset  rows of slots, in batches
split       train, validation and test, by group
Batch       what a model gets
Split       what `split` gives
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
