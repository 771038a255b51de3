"""The doctor finds what is wrong, and names a fix for it and for nothing else."""

import importlib.metadata
from pathlib import Path

import pytest

from genolab.jupyter import doctor, kernels
from genolab.jupyter.doctor import Check, check_cache, check_front_ends, check_kernels, check_mirror, check_python
from genolab.jupyter.kernels import Device, Kernel, install

WIDGETS = {
    "@jupyter-widgets/jupyterlab-manager": {"version": "5.0"},
    "anywidget": {"version": importlib.metadata.version("anywidget")},
    "jupyterlab-plotly": {"version": importlib.metadata.version("plotly")},
}


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    """The kernel of an environment that Jupyter looks into first."""
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share" / "jupyter"))
    return install([Device("cpu", "CPU")], prefix=tmp_path)[0]


def wrong(checks: list[Check]) -> list[Check]:
    return [check for check in checks if not check.ok]


def test_this_machine_is_examined_in_the_order_of_dependence() -> None:
    names = [check.name for check in doctor.examine()]
    assert names[:3] == ["Python", "torch", "Devices"]
    assert names.index("JupyterLab") < names.index("Front end anywidget") < names.index("Data cache")


def test_whatever_is_wrong_has_a_fix_and_nothing_else_has() -> None:
    assert [check for check in doctor.examine() if check.ok == bool(check.fix)] == []


def test_the_python_that_runs_is_right_and_an_old_one_is_not() -> None:
    assert check_python((3, 11, 0)).ok
    assert not check_python((3, 10, 14)).ok


def test_a_registered_kernel_is_right(kernel: Kernel) -> None:
    assert list(check_kernels([kernel])) == [Check("Kernel genolab", ok=True, found="genolab (CPU)")]


def test_no_kernel_is_wrong() -> None:
    (check,) = check_kernels([])
    assert (check.ok, check.fix) == (False, "genolab kernel install")


def test_a_kernel_whose_python_is_gone_is_wrong(kernel: Kernel, tmp_path: Path) -> None:
    gone = Kernel(kernel.name, kernel.display_name, "cpu", tmp_path / "bin" / "python", kernel.folder)
    (check,) = check_kernels([gone])
    assert "is gone" in check.found


def test_a_kernel_of_another_environment_is_wrong(kernel: Kernel, tmp_path: Path) -> None:
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.symlink_to(kernel.python)  # as in a second environment made with the same interpreter
    (check,) = check_kernels([Kernel(kernel.name, kernel.display_name, "cpu", python, kernel.folder)])
    assert "another Python" in check.found


def test_a_kernel_that_another_one_hides_is_wrong(
    kernel: Kernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install([Device("cpu", "CPU")], prefix=tmp_path / "first")
    first = tmp_path / "first" / "share" / "jupyter"
    monkeypatch.setenv("JUPYTER_PATH", f"{first}:{tmp_path / 'share' / 'jupyter'}")
    (check,) = check_kernels([kernel])
    assert not check.ok
    assert str(first) in check.fix


def test_all_front_ends_together_are_right() -> None:
    assert wrong(list(check_front_ends(WIDGETS, []))) == []


def test_a_missing_front_end_is_wrong() -> None:
    some = {name: found for name, found in WIDGETS.items() if name != "anywidget"}
    (check,) = wrong(list(check_front_ends(some, [])))
    assert (check.name, check.found) == ("Front end anywidget", "JupyterLab doesn't find it")


def test_a_front_end_that_is_switched_off_is_wrong() -> None:
    (check,) = wrong(list(check_front_ends(WIDGETS, ["jupyterlab-plotly"])))
    assert check.fix == "jupyter labextension enable jupyterlab-plotly"


def test_a_front_end_of_another_version_is_wrong() -> None:
    (check,) = wrong(list(check_front_ends({**WIDGETS, "anywidget": {"version": "0.0.1"}}, [])))
    assert "0.0.1, but anywidget is" in check.found


def test_a_cache_is_made_where_it_can_be(tmp_path: Path) -> None:
    assert check_cache(tmp_path / "new" / "cache").ok


def test_a_cache_that_is_a_file_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "GENOLAB_CACHE" in check_cache(tmp_path / "file").fix


def test_a_mirror_is_right_with_its_manifest(tmp_path: Path) -> None:
    assert not check_mirror(str(tmp_path)).ok
    (tmp_path / "MANIFEST.tsv").touch()
    assert check_mirror(str(tmp_path)).ok


def test_a_mirror_that_does_not_answer_is_wrong() -> None:
    assert not check_mirror("http://127.0.0.1:9").ok  # the port of a service that nobody runs any more


def test_the_mirror_is_looked_at_only_where_one_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GENOLAB_MIRROR", raising=False)
    assert "Data mirror" not in [check.name for check in doctor.check_data()]
    monkeypatch.setenv("GENOLAB_MIRROR", str(tmp_path / "nowhere"))
    assert [check.ok for check in doctor.check_data() if check.name == "Data mirror"] == [False]


def test_examining_registers_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    list(doctor.examine())
    assert kernels.installed() == []
