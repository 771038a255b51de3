from .pairwise import align as align
from .result import Alignment as Alignment
from .result import Alignments as Alignments
from .result import cigar_runs as cigar_runs
from .scoring import MATRICES as MATRICES
from .scoring import Scoring as Scoring
from .scoring import substitution_matrix as substitution_matrix
