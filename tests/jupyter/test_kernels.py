"""Kernels: one for each device, in the environment alone, each seeing its own device only."""

import json
import sys
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from genolab.jupyter import execute, kernels
from genolab.jupyter.kernels import Device, cuda_devices, install, installed, remove, short_name

CPU = Device("cpu", "CPU", {"CUDA_VISIBLE_DEVICES": ""})
TWO_GPUS = (*cuda_devices(["NVIDIA H100 80GB HBM3", "NVIDIA A100-SXM4-80GB"]), CPU)


def spec(prefix: Path, name: str) -> dict:
    return json.loads((prefix / "share" / "jupyter" / "kernels" / name / "kernel.json").read_text())


@pytest.mark.parametrize(
    ("long", "short"),
    [
        ("NVIDIA H100 80GB HBM3", "H100"),
        ("NVIDIA H100 PCIe", "H100"),
        ("NVIDIA A100-SXM4-80GB", "A100"),
        ("Tesla V100-SXM2-16GB", "V100"),
        ("NVIDIA GeForce RTX 4090", "RTX 4090"),
        ("NVIDIA RTX 6000 Ada Generation", "RTX 6000 Ada"),
        ("AMD Instinct MI300X", "Instinct MI300X"),
        ("NVIDIA", "NVIDIA"),
    ],
)
def test_a_gpu_is_called_what_people_call_it(long: str, short: str) -> None:
    assert short_name(long) == short


def test_the_best_device_has_the_name_that_notebooks_ask_for(tmp_path: Path) -> None:
    names = [(kernel.name, kernel.display_name) for kernel in install(TWO_GPUS, prefix=tmp_path)]
    assert names == [
        ("genolab", "genolab (CUDA 0, H100)"),
        ("genolab-cuda-1", "genolab (CUDA 1, A100)"),
        ("genolab-cpu", "genolab (CPU)"),
    ]


def test_a_machine_without_gpu_has_one_kernel(tmp_path: Path) -> None:
    assert [(kernel.name, kernel.display_name) for kernel in install([CPU], prefix=tmp_path)] == [
        ("genolab", "genolab (CPU)")
    ]


def test_each_kernel_sees_its_own_device_only(tmp_path: Path) -> None:
    install(TWO_GPUS, prefix=tmp_path)
    seen = {name: spec(tmp_path, name)["env"]["CUDA_VISIBLE_DEVICES"] for name in ("genolab", "genolab-cuda-1")}
    assert seen == {"genolab": "0", "genolab-cuda-1": "1"}
    assert spec(tmp_path, "genolab-cpu")["env"]["CUDA_VISIBLE_DEVICES"] == ""


def test_devices_are_counted_within_those_that_this_process_may_see() -> None:
    found = cuda_devices(["H100", "H100"], visible="3, GPU-5ebe")
    assert [device.environment["CUDA_VISIBLE_DEVICES"] for device in found] == ["3", "GPU-5ebe"]
    assert [device.name for device in found] == ["cuda:0", "cuda:1"]


def test_no_visible_gpu_is_no_device() -> None:
    assert cuda_devices([], visible="") == []


def test_this_machine_has_a_cpu_and_it_comes_last() -> None:
    assert kernels.devices()[-1].name == "cpu"


def test_a_kernel_starts_the_running_python(tmp_path: Path) -> None:
    (kernel,) = install([CPU], prefix=tmp_path)
    assert kernel.python == Path(sys.executable)


def test_installing_twice_is_installing_once(tmp_path: Path) -> None:
    assert install(TWO_GPUS, prefix=tmp_path) == install(TWO_GPUS, prefix=tmp_path)


def test_the_kernel_of_a_gpu_that_is_gone_goes(tmp_path: Path) -> None:
    install(TWO_GPUS, prefix=tmp_path)
    assert [kernel.display_name for kernel in install([CPU], prefix=tmp_path)] == ["genolab (CPU)"]


def test_removing_leaves_kernels_of_others(tmp_path: Path) -> None:
    other = tmp_path / "share" / "jupyter" / "kernels" / "genolab-mine" / "kernel.json"
    other.parent.mkdir(parents=True)
    other.write_text('{"argv": ["python"], "display_name": "Mine"}')
    install([CPU], prefix=tmp_path)
    assert [kernel.name for kernel in remove(prefix=tmp_path)] == ["genolab"]
    assert other.exists()
    assert installed(prefix=tmp_path) == []


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"metadata": null}', '{"metadata": {"genolab": 3}}'])
def test_a_broken_specification_is_no_kernel(tmp_path: Path, text: str) -> None:
    broken = tmp_path / "share" / "jupyter" / "kernels" / "genolab" / "kernel.json"
    broken.parent.mkdir(parents=True)
    broken.write_text(text)
    assert installed(prefix=tmp_path) == []
    assert [kernel.name for kernel in install([CPU], prefix=tmp_path)] == ["genolab"]


def test_nothing_is_installed_in_an_empty_environment(tmp_path: Path) -> None:
    assert installed(prefix=tmp_path) == []
    assert remove(prefix=tmp_path) == []


def test_jupyter_starts_the_kernel_with_its_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install([Device("cuda:0", "CUDA 0, toy", {"CUDA_VISIBLE_DEVICES": "7"})], prefix=tmp_path)
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share" / "jupyter"))
    notebook = new_notebook(cells=[new_code_cell("import os, sys\nprint(os.environ['CUDA_VISIBLE_DEVICES'])")])
    assert execute.execute(notebook, tmp_path, kernel="genolab", timeout=60) is None
    assert notebook.cells[0].outputs[0].text == "7\n"


def test_a_notebook_whose_kernel_is_missing_runs_on_this_python() -> None:
    assert kernels.choose(None, "a-kernel-of-elsewhere") == "python3"
    assert kernels.choose(None, None) == "python3"


def test_a_kernel_asked_for_must_be_there() -> None:
    with pytest.raises(ValueError, match=r"there is no Jupyter kernel 'fortran'; there are .*python3"):
        kernels.choose("fortran", "python3")


def test_a_device_is_found_under_its_own_name_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install([CPU], prefix=tmp_path)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert kernels.choose("genolab-cpu", None) == "genolab"
