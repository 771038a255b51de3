"""genolab: an interactive, Jupyter-based environment for deep learning on genomes with PyTorch.

>>> import genolab as gl
>>> cells = gl.data.fetch("pbmc68k")
>>> dataset = gl.data.AnnDataset(cells, inputs="layers/counts")

The core knows no domain:

==================  ==================================================================
``gl.data``         anything to AnnData, and AnnData to batches
``gl.preprocess``   counts to model-ready values
``gl.models``       autoencoders, and what stands beside them
``gl.Run``          train: start, pause, tune, save, resume
``gl.infer``        ask a trained model
``gl.evaluate``     figures with intervals, beside baselines; markers
``gl.plot``         plotly figures
``gl.widgets``      the training panel and the latent explorer
``gl.progress``     a bar for a loop that takes long
``gl.check``        which statements of a lesson hold, and what to do about the others
==================  ==================================================================

Each chapter is a domain, with all that belongs to it behind one dot:

==================  ==================================================================
``gl.dna``          what a sequence is, and why the model says so
``gl.genes``        where the genes are
``gl.genomes``      what two genomes share, and what has changed
``gl.timecourse``   expression over time
``gl.function``     what genes do
``gl.drugs``        which compound, on what, how sure
==================  ==================================================================

They stand on ``gl.sequences`` (DNA and proteins as numbers) and ``gl.align`` (pairs of sequences).
The namespaces load on first use, so that ``import genolab`` is quick.
"""

import lazy_loader

from genolab import mistakes

mistakes.fold_tracebacks()
__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
