"""The forms in which numpy and scipy hold the same values."""

from typing import Any, Final

import numpy as np
from scipy import sparse

FORMS: Final = {
    "dense": np.array,
    "column-major": np.asfortranarray,
    "csr": sparse.csr_matrix,
    "csc": sparse.csc_matrix,
    "csr_array": sparse.csr_array,
}


def forms_of(kind: str) -> list[str]:
    """Name the forms of a type of number; scipy has no sparse halves."""
    return [form for form in FORMS if kind != "float16" or form in {"dense", "column-major"}]


def read_only(matrix: Any) -> Any:
    """Return a matrix whose values can't be written to."""
    for array in (matrix.data, matrix.indices, matrix.indptr) if sparse.issparse(matrix) else (matrix,):
        array.flags.writeable = False
    return matrix
