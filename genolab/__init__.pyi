from . import align as align
from . import config as config
from . import data as data
from . import dna as dna
from . import drugs as drugs
from . import evaluate as evaluate
from . import function as function
from . import genes as genes
from . import genomes as genomes
from . import infer as infer
from . import models as models
from . import plot as plot
from . import preprocess as preprocess
from . import run as run
from . import sequences as sequences
from . import timecourse as timecourse
from . import widgets as widgets
from .jupyter.statements import check as check
from .run import Epoch as Epoch
from .run import Run as Run
from .run import RunConfig as RunConfig
from .waiting import progress as progress

__version__: str
