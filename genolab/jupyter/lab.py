"""Open JupyterLab on copies of the notebooks, a person's own: those that came with genolab stay as they are."""

import filecmp
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple, NoReturn

from genolab.checks import meant_file
from genolab.jupyter.kernels import BEST
from genolab.paths import shipped

# Defaults that a person's own settings override: no news, whole file names.
SETTINGS = Path(__file__).parent / "settings"


class Copied(NamedTuple):
    """What `copy_notebooks` did: names of the files that it wrote, and of those it kept though they differ."""

    new: list[str]
    kept: list[str]


class Workplace(NamedTuple):
    """A folder of notebooks, and what was copied there."""

    folder: Path
    copied: Copied


def workplace(folder: Path | None = None) -> Workplace:
    """Copy the notebooks to a folder, by default ``genolab-notebooks`` in the clone, or here where there is none."""
    source = shipped("notebooks")
    home = source.parent if (source.parent / "pyproject.toml").is_file() else Path()
    target = (folder or home / "genolab-notebooks").resolve()
    return Workplace(target, copy_notebooks(source, target))


def copy_notebooks(source: Path, target: Path) -> Copied:
    """Copy the notebooks of a folder to another, but leave alone what is already there."""
    target.mkdir(parents=True, exist_ok=True)
    copied = Copied([], [])
    for path in sorted(source.glob("*.ipynb")):
        mine = target / path.name
        if not mine.exists():
            shutil.copyfile(path, mine)
            copied.new.append(path.name)
        elif not filecmp.cmp(path, mine, shallow=False):
            copied.kept.append(path.name)
    return copied


def names(folder: Path) -> str:
    """Name the notebooks of a folder, for a message."""
    return ", ".join(path.name for path in sorted(folder.glob("*.ipynb"))) or "none"


def command(root: Path, notebook: str, *, port: int | None = None, browser: bool = True) -> list[str]:
    """Build the command that starts JupyterLab: on this machine alone, behind a token, calling nobody.

    It shows the folder `root`, opens one of its notebooks, and serves on the first free port from 8888 by default.
    """
    if not (root / notebook).is_file():
        near = meant_file(root / notebook)
        raise ValueError(f"there is no notebook {notebook!r} in {root}; there are {names(root)}{near}")
    if port is not None and not is_free(port):
        raise ValueError(f"port {port} is taken: choose another with --port (make lab PORT={port + 1})")
    words = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={root}", "--ServerApp.ip=127.0.0.1"]
    words += ["--log-level=WARN"]  # the address is printed all the same
    words += [f"--LabApp.default_url=/lab/tree/{notebook}"]
    words += ["--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    words += ["--LabApp.extension_manager=readonly", f"--MultiKernelManager.default_kernel_name={BEST}"]
    words += ["--LanguageServerManager.autodetect=False"]  # the search starts npm, which may call its registry
    words += ["--KernelManager.transport_encryption=auto"]  # without it each kernel warns that it is unencrypted
    words += [] if port is None else [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    words += [] if browser else ["--no-browser"]
    in_container = hasattr(os, "geteuid") and os.geteuid() == 0
    return words + (["--allow-root"] if in_container else [])  # the token and 127.0.0.1 guard it there too


def is_free(port: int) -> bool:
    """Return whether this machine can be served on a port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def become(words: list[str]) -> NoReturn:
    """Give this process over to a command, so that Ctrl-C and signals reach it directly."""
    paths = [os.environ.get("JUPYTER_CONFIG_PATH"), str(SETTINGS)]
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(filter(None, paths))
    if os.name == "posix":
        sys.stdout.flush()
        os.execv(words[0], words)  # noqa: S606, the words are our own, and no shell is wanted
    sys.exit(subprocess.call(words))  # noqa: S603, as above
