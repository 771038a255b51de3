"""Jupyter kernels, one for each device that torch finds, inside the running environment and nowhere else.

The best device's kernel is named ``genolab``, and that is the name the notebooks ask for: they open without a question
on a laptop as on a GPU server, and the top right corner says what they run on, "genolab (CPU)" or
"genolab (CUDA 0, H100)". Every other device has a kernel of its own: ``genolab-cpu``, ``genolab-cuda-1``.

A kernel sees its own device only, so that ``device="auto"`` is right in each: `CUDA_VISIBLE_DEVICES` hides the other
GPUs. Nothing hides Apple's GPU from a process; there the CPU's kernel says ``GENOLAB_DEVICE=cpu``.
"""

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from genolab.checks import meant

BEST: Final = "genolab"

# What a GPU's name needs not say to tell it from its neighbours: maker, memory size and form.
_NOISE = re.compile(r"^(NVIDIA|Tesla|GeForce|AMD|Generation|PCIe|HBM\d\w*|SXM\d\w*|\d+GB|Graphics)$", re.IGNORECASE)


@dataclass(frozen=True)
class Device:
    """A device that torch can compute on."""

    name: str  # as torch writes it: "cpu", "cuda:0", "mps"
    label: str  # as a person reads it: "CPU", "CUDA 0, H100"
    environment: Mapping[str, str] = field(default_factory=dict)  # makes a process see this device and no other


@dataclass(frozen=True)
class Kernel:
    """A Jupyter kernel of genolab."""

    name: str  # that a notebook asks for, such as "genolab"
    display_name: str  # that JupyterLab shows
    device: str
    python: Path  # the interpreter that it starts
    folder: Path  # of its specification


def devices() -> tuple[Device, ...]:
    """Ask torch for the devices of this machine, the best first and the CPU last."""
    import torch  # takes a second; `genolab kernel list` does without

    names = (
        [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    )
    found = cuda_devices(names, visible=os.environ.get("CUDA_VISIBLE_DEVICES"))
    if torch.backends.mps.is_available():
        return (Device("mps", "Apple GPU"), Device("cpu", "CPU", {"GENOLAB_DEVICE": "cpu"}))
    return (*found, Device("cpu", "CPU", {"CUDA_VISIBLE_DEVICES": ""}))


def cuda_devices(names: Sequence[str], *, visible: str | None = None) -> list[Device]:
    """Describe CUDA devices by the names that the driver gives them, in torch's order.

    `visible` is ``CUDA_VISIBLE_DEVICES`` of this process: torch counts within it, but a new process counts from the
    machine's first device again.
    """
    places = [place.strip() for place in visible.split(",")] if visible else [str(i) for i in range(len(names))]
    return [
        Device(f"cuda:{i}", f"CUDA {i}, {short_name(name)}", {"CUDA_VISIBLE_DEVICES": place})
        for i, (name, place) in enumerate(zip(names, places, strict=False))
    ]


def short_name(name: str) -> str:
    """Shorten a GPU's name to the part that people say: ``"NVIDIA A100-SXM4-80GB"`` is an ``"A100"``."""
    kept = [word for word in re.split(r"[\s-]+", name) if word and not _NOISE.match(word)]
    return " ".join(kept) or name


def install(found: Sequence[Device] | None = None, *, prefix: Path | None = None) -> list[Kernel]:
    """Register a kernel for each device (the best first), and remove those of devices that are gone.

    They go into an environment (`prefix`, by default the running one); what is registered now is returned.
    """
    found = devices() if found is None else found
    names = [BEST, *(own_name(device.name) for device in found[1:])]
    for stale in installed(prefix=prefix):
        if stale.name not in names:
            shutil.rmtree(stale.folder)
    for name, device in zip(names, found, strict=True):
        _write(_folder(prefix) / name, device)
    return installed(prefix=prefix)


def installed(*, prefix: Path | None = None) -> list[Kernel]:
    """List the kernels that genolab registered in an environment (by default the running one), the best first."""
    found = [kernel for path in sorted(_folder(prefix).glob("*/kernel.json")) if (kernel := _read(path))]
    return sorted(found, key=lambda kernel: (kernel.name != BEST, kernel.device == "cpu"))


def remove(*, prefix: Path | None = None) -> list[Kernel]:
    """Take away the kernels that genolab registered in an environment, and say which; others stay."""
    gone = installed(prefix=prefix)
    for kernel in gone:
        shutil.rmtree(kernel.folder)
    return gone


def choose(asked: str | None, wanted: str | None) -> str:
    """Return the kernel that a notebook runs on.

    Parameters
    ----------
    asked
        What the person asked for: a kernel's name, or ``"genolab-cpu"`` and the like for the kernel of that device,
        even where it is called ``"genolab"``. ``None`` leaves it to the notebook.
    wanted
        What the notebook asks for. Where that isn't here, the running Python takes its place.
    """
    from jupyter_client.kernelspec import NATIVE_KERNEL_NAME, KernelSpecManager

    here = set(KernelSpecManager().find_kernel_specs()) | {NATIVE_KERNEL_NAME}
    if asked is None:
        return wanted if wanted in here else NATIVE_KERNEL_NAME
    if asked in here:
        return asked
    for kernel in installed():
        if own_name(kernel.device) == asked:
            return kernel.name
    raise ValueError(f"there is no Jupyter kernel {asked!r}; there are {', '.join(sorted(here))}{meant(asked, here)}")


def own_name(device: str) -> str:
    """Name the kernel of a device that isn't the best one: ``"cuda:1"`` has ``"genolab-cuda-1"``."""
    return f"{BEST}-{device.replace(':', '-')}"


def _folder(prefix: Path | None) -> Path:
    return (Path(sys.prefix) if prefix is None else prefix) / "share" / "jupyter" / "kernels"


def _write(folder: Path, device: Device) -> None:
    from ipykernel.kernelspec import get_kernel_dict

    spec = get_kernel_dict()
    spec["display_name"] = f"genolab ({device.label})"
    spec["env"] = dict(device.environment)
    spec["metadata"]["genolab"] = {"device": device.name}  # the mark by which genolab knows its own kernels again
    folder.mkdir(parents=True, exist_ok=True)
    half = folder / f".kernel.json.{os.getpid()}"
    half.write_text(json.dumps(spec, indent=1) + "\n", encoding="utf-8")
    half.replace(folder / "kernel.json")


def _read(path: Path) -> Kernel | None:
    try:
        spec = json.loads(path.read_text(encoding="utf-8"))
        device = spec["metadata"]["genolab"]["device"]
        return Kernel(path.parent.name, spec["display_name"], device, Path(spec["argv"][0]), path.parent)
    except (ValueError, LookupError, TypeError):
        return None  # somebody else's kernel, or no kernel at all
