"""What goes wrong while a file is read -> one error that names the file, and says what to do.

`reading` or `reads` stands round every reader; `check_sparse` looks at what can't be trusted though it was read.
"""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from genolab.checks import meant_file
from genolab.mistakes import is_own

if TYPE_CHECKING:
    from anndata import AnnData

P = ParamSpec("P")
R = TypeVar("R")

_LONGEST = 300  # letters of another package's message
_AT_ONCE = 10_000_000  # indices of a matrix that stays in its file
_KEPT = (KeyError, TypeError, OSError, ImportError, NotImplementedError)  # kinds that say more than ValueError


@contextmanager
def reading(path: str | Path, what: str) -> Iterator[None]:
    """Refuse a file that can't be read as `what`, such as ``"loom"``, by an error that names it.

    Errors that genolab raises get the file's name where they lack it. Those of other packages become a `ValueError`;
    what the system refuses, and a package that isn't installed, stay an `OSError` and an `ImportError`.
    """
    try:
        yield
    except Exception as error:
        path, own = Path(path), is_own(error)
        message = _message(error, own=own)
        if own and path.name in message:
            raise
        if own:
            kind = type(error) if isinstance(error, _KEPT) and type(error).__module__ == "builtins" else ValueError
            raise kind(f"{path}: {message}") from error
        if isinstance(error, FileNotFoundError):
            check_there(path)
        becomes, fix = _fix(error)
        raise becomes(f"{path} ({_size(path)}) can't be read as {what}: {message}. {fix}") from error


def reads(what: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Put `reading` round a function whose first argument is a path, or may be one."""

    def around(function: Callable[P, R]) -> Callable[P, R]:
        first = next(iter(inspect.signature(function).parameters))

        @functools.wraps(function)
        def read(*args: P.args, **options: P.kwargs) -> R:
            path = args[0] if args else options.get(first)
            if not isinstance(path, str | Path):
                return function(*args, **options)
            with reading(path, what):
                return function(*args, **options)

        return read

    return around


def _message(error: Exception, *, own: bool) -> str:
    """Return an error's text on one line, shortened where another package wrote a page."""
    if isinstance(error, KeyError) and error.args:  # whose text is the key alone, or a sentence in quotes
        text = str(error.args[0])
        return text if " " in text else f"it has no {text!r}"
    text = " ".join(str(error).split())
    return text if own else shorten(text, _LONGEST).rstrip(".:") or type(error).__name__


def _size(path: Path) -> str:
    return f"{path.stat().st_size:,} bytes" if path.is_file() else "a folder" if path.is_dir() else "not there"


def _fix(error: Exception) -> tuple[type[Exception], str]:
    """Return the kind that another package's error becomes, and what to do about it."""
    if isinstance(error, ImportError):
        return ImportError, "Install what is missing: the file may be good"
    if isinstance(error, OSError) and error.errno is not None:
        return type(error), "The system doesn't let it be read: see that it is a file, and that you may read it"
    if isinstance(error, MemoryError):
        return ValueError, (
            "It needs more memory than there is: read it where there is more, or, if it should be small, fetch or copy "
            "it again, for a size in it is wrong"
        )
    return ValueError, (
        "If it should be one, it was cut short or damaged: fetch or copy it again, and compare its size with the "
        "original's"
    )


def check_there(path: Path) -> None:
    """Raise an error for a file or folder that isn't there, with what is, or that is empty."""
    if not path.exists():
        parent = path.parent
        near = sorted(p.name for p in parent.iterdir())[:8] if parent.is_dir() else None
        beside = f"; {parent} has {near}" if near is not None else f"; nor is the folder {parent}"
        raise FileNotFoundError(f"{path} isn't there{beside}{meant_file(path)}")
    if path.is_file() and path.stat().st_size == 0:
        raise ValueError(f"{path} is empty (0 bytes): was its download or copy cut off?")


def check_sparse(adata: "AnnData", path: Path) -> None:
    """Refuse sparse matrices whose indices lie outside of them: using one would read foreign memory, or crash.

    Those that stay in the file are read once for it, by parts.
    """
    for name, matrix in _matrices(adata):
        if fault := _fault_in_file(matrix) if hasattr(matrix, "group") else _index_fault(matrix):
            raise ValueError(
                f"{path}: the indices of the sparse matrix {name} don't fit its shape {matrix.shape} ({fault}): it was "
                "damaged, or written by a faulty tool; fetch or copy it again"
            )


def _matrices(adata: "AnnData") -> Iterator[tuple[str, Any]]:
    parts: dict[str, Any] = {"X": adata.X, "raw": adata.raw and adata.raw.X, "uns": adata.uns}
    parts |= {name: getattr(adata, name) for name in ("layers", "obsm", "varm", "obsp", "varp")}
    while parts:
        name, part = parts.popitem()
        if isinstance(part, Mapping):
            parts |= {f"{name}/{key}": inner for key, inner in part.items()}
        elif getattr(part, "format", None) in {"csr", "csc"}:
            yield name, part


def _index_fault(matrix: Any) -> str | None:
    """Say what is wrong with a CSR or CSC matrix; odd indices and half floats become what scipy can work with."""
    if any(array.ndim != 1 or array.dtype.kind not in "iu" for array in (matrix.indptr, matrix.indices)):
        return "they aren't lists of whole numbers"
    for name in ("indptr", "indices"):
        if getattr(matrix, name).dtype.name not in {"int32", "int64"}:
            setattr(matrix, name, getattr(matrix, name).astype("int64"))
    if (matrix.indptr[1:] < matrix.indptr[:-1]).any():  # scipy doesn't look where the last one is below 0
        return "its index pointers must ascend"
    if matrix.data.dtype.kind not in "biufc":
        return f"its values are {matrix.data.dtype}, not numbers"
    if matrix.data.dtype == "float16":
        matrix.data = matrix.data.astype("float32")
    try:
        matrix.check_format(full_check=True)
    except (ValueError, TypeError) as error:
        return str(error)
    return None


def _fault_in_file(matrix: Any) -> str | None:
    """Say what is wrong with a CSR or CSC matrix of anndata's that stays in its file."""
    indptr, indices, data = (matrix.group[name] for name in ("indptr", "indices", "data"))
    height, width = matrix.shape if matrix.format == "csr" else matrix.shape[::-1]
    if any(array.ndim != 1 or array.dtype.kind not in "iu" for array in (indptr, indices)):
        return "they aren't lists of whole numbers"
    ends = indptr[:].astype("int64")
    if len(ends) != height + 1 or ends[0] != 0 or (ends[1:] < ends[:-1]).any() or ends[-1] > len(indices):
        return (
            f"its {len(ends):,} index pointers must ascend from 0 to {len(indices):,}, for {height:,} rows or columns"
        )
    if len(data) != len(indices):
        return f"it has {len(indices):,} indices, and {len(data):,} values"
    for first in range(0, len(indices), _AT_ONCE):
        part = indices[first : first + _AT_ONCE]
        if part.min() < 0 or part.max() >= width:
            return f"indices must be at least 0 and below {width:,}"
    return None
