"""Look over the set-up: each part of it with what was found, and what to do where it isn't right."""

import importlib.metadata
import os
import shutil
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from genolab.jupyter import kernels
from genolab.paths import shipped

# JupyterLab's name of a front end -> the package that brings it, and whether both bear one version.
_FRONT_ENDS: Final = {
    "@jupyter-widgets/jupyterlab-manager": ("jupyterlab_widgets", False),
    "anywidget": ("anywidget", True),
    "jupyterlab-plotly": ("plotly", True),
}


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    ok: bool
    found: str
    fix: str = ""  # what to do; empty where it is right


def examine() -> Iterator[Check]:
    """Look over the set-up, in the order in which its parts build on each other."""
    yield check_python(sys.version_info[:3])
    yield from check_torch()
    yield from check_kernels(kernels.installed())
    yield from _check_lab()
    yield from check_data()


def check_python(version: tuple[int, ...]) -> Check:
    """Check a version of Python, such as ``(3, 11, 7)``."""
    found = f"{'.'.join(map(str, version))}, {sys.executable}"
    return Check("Python", version >= (3, 11), found, "" if version >= (3, 11) else "install Python 3.11 or later")


def check_torch() -> Iterator[Check]:
    """Check that torch loads, and say what it can compute on."""
    try:
        import torch
    except (ImportError, OSError) as error:  # OSError: a library of its own can't be loaded
        yield Check("torch", ok=False, found=f"it doesn't load: {error}", fix="make clean lab, or pip install torch")
        return
    yield Check("torch", ok=True, found=f"{torch.__version__}, {torch.get_num_threads()} threads")
    found = "; ".join(device.label for device in kernels.devices())
    unused = shutil.which("nvidia-smi") and not torch.cuda.is_available()
    yield Check(
        "Devices", ok=True, found=found + (" (a GPU's driver is here, but this torch can't use it)" if unused else "")
    )


def check_kernels(found: Sequence[kernels.Kernel]) -> Iterator[Check]:
    """Check that each kernel of genolab starts this Python, and that Jupyter finds it and no other of its name."""
    if not found:
        yield Check("Kernels", ok=False, found="none is registered", fix="genolab kernel install")
    for kernel in found:
        yield _check_kernel(kernel)


def _check_kernel(kernel: kernels.Kernel) -> Check:
    from jupyter_client.kernelspec import KernelSpecManager

    name = f"Kernel {kernel.name}"
    if not kernel.python.exists():
        return Check(name, ok=False, found=f"its Python is gone: {kernel.python}", fix="genolab kernel install")
    # The folders are compared: the interpreters of two environments are often links to one file.
    if kernel.python.parent.resolve() != Path(sys.executable).parent.resolve():
        return Check(name, ok=False, found=f"it starts another Python: {kernel.python}", fix="genolab kernel install")
    first = KernelSpecManager().find_kernel_specs().get(kernel.name, "")
    if Path(first).resolve() != kernel.folder.resolve():
        found = f"Jupyter finds {first or 'none'} in its place"
        return Check(name, ok=False, found=found, fix=f"delete {first}" if first else "genolab kernel install")
    return Check(name, ok=True, found=kernel.display_name)


def _check_lab() -> Iterator[Check]:
    try:
        from jupyter_core.paths import jupyter_path
        from jupyterlab_server.config import get_federated_extensions, get_page_config

        version = importlib.metadata.version("jupyterlab")
    except ImportError as error:  # PackageNotFoundError is one
        yield Check("JupyterLab", ok=False, found=f"{error.name} isn't installed", fix="pip install 'genolab[all]'")
        return
    yield Check("JupyterLab", ok=True, found=version)
    folders = jupyter_path("labextensions")
    disabled = get_page_config(folders).get("disabledExtensions", [])
    yield from check_front_ends(get_federated_extensions(folders), disabled)


def check_front_ends(extensions: Mapping[str, Mapping[str, Any]], disabled: Sequence[str]) -> Iterator[Check]:
    """Check the part of the widgets that runs in the browser: JupyterLab's extensions, and those switched off."""
    for name, (package, one_version) in _FRONT_ENDS.items():
        found = str(extensions[name]["version"]) if name in extensions else ""
        again = f"pip install --force-reinstall --no-deps {package}"
        if not found:
            yield Check(f"Front end {name}", ok=False, found="JupyterLab doesn't find it", fix=again)
        elif name in disabled:
            yield Check(f"Front end {name}", ok=False, found="switched off", fix=f"jupyter labextension enable {name}")
        elif one_version and found != (wanted := importlib.metadata.version(package)):
            yield Check(f"Front end {name}", ok=False, found=f"{found}, but {package} is {wanted}", fix=again)
        else:
            yield Check(f"Front end {name}", ok=True, found=found)


def check_data() -> Iterator[Check]:
    """Check the shipped folders, the cache and, where one is set, the mirror."""
    from genolab.data.cache import cache_folder

    for folder in ("notebooks", "data"):
        try:
            yield Check(f"Shipped {folder}", ok=True, found=str(shipped(folder)))
        except FileNotFoundError as error:
            yield Check(f"Shipped {folder}", ok=False, found=str(error), fix="reinstall genolab")
    yield check_cache(cache_folder())
    yield check_compiled()
    if mirror := os.environ.get("GENOLAB_MIRROR"):
        yield check_mirror(mirror)


def check_cache(folder: Path) -> Check:
    """Check that fetched data can be kept in a folder, which is made where it can be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            free = shutil.disk_usage(folder).free / 1e9
    except OSError as error:
        fix = "set GENOLAB_CACHE to a folder that you may write to"
        return Check("Data cache", ok=False, found=f"{folder} can't be written to: {error.strerror}", fix=fix)
    return Check("Data cache", ok=True, found=f"{folder}, {free:.0f} GB free")


def check_compiled() -> Check:
    """Check that compiled functions are kept for the next process."""
    from genolab.compiled import folder_of_compiled

    folder = folder_of_compiled()
    if folder is None:
        found = "no folder can be written to: each process compiles what it needs, which takes up to half a minute"
        fix = "set GENOLAB_CACHE to a folder that you may write to"
        return Check("Compiled code", ok=False, found=found, fix=fix)
    return Check("Compiled code", ok=True, found=str(folder))


def check_mirror(mirror: str) -> Check:
    """Check that a mirror, a folder or a URL, can be reached and holds a manifest."""
    fix = "set GENOLAB_MIRROR to a folder or URL filled by `genolab data mirror`, or unset it"
    try:
        if mirror.startswith(("http://", "https://")):
            with urllib.request.urlopen(f"{mirror.rstrip('/')}/MANIFEST.tsv", timeout=5):  # noqa: S310, http(s) as tested
                return Check("Data mirror", ok=True, found=mirror)
        (Path(mirror).expanduser() / "MANIFEST.tsv").open("rb").close()
    except (OSError, urllib.error.URLError, ValueError) as error:
        return Check("Data mirror", ok=False, found=f"{mirror} holds no MANIFEST.tsv: {error}", fix=fix)
    return Check("Data mirror", ok=True, found=mirror)
