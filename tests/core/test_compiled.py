"""Compiled functions are kept where a folder can be written, and compute where none can."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from genolab.compiled import folder_of_compiled
from genolab.jupyter.doctor import check_compiled

SOURCE = """
from genolab.compiled import compiled

@compiled
def double(number):
    return 2 * number
"""
PACKAGE = Path(__file__).parents[2] / "genolab"


@pytest.fixture
def readonly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of modules and a home into which nobody can write, the superuser neither: there are files instead."""
    (tmp_path / "__pycache__").touch()
    (tmp_path / "home").touch()
    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    return tmp_path


def load(folder: Path) -> ModuleType:
    (folder / "module.py").write_text(SOURCE)
    spec = importlib.util.spec_from_file_location("module", folder / "module.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_compiled_functions_are_kept_in_the_cache_where_package_and_home_are_readonly(
    readonly, monkeypatch, capsys
) -> None:
    monkeypatch.setenv("GENOLAB_CACHE", str(readonly / "cache"))
    monkeypatch.setattr("genolab.compiled._Note.told", False)
    double = load(readonly).double
    assert [double(2), double(2.0)] == [4, 4]
    assert capsys.readouterr().err.count("Note: compiling for this processor, once") == 1
    assert list((readonly / "cache" / "compiled").glob("*/*.nbi"))
    again = load(readonly).double
    assert again(2) == 4
    assert sum(again.stats.cache_hits.values()) == 1


def test_compiled_functions_run_where_nothing_can_be_written(readonly, monkeypatch) -> None:
    monkeypatch.setenv("GENOLAB_CACHE", str(readonly / "home" / "cache"))
    double = load(readonly).double
    assert double(2) == 4
    assert double.stats.cache_path is None


def test_the_doctor_says_whether_compiled_functions_are_kept(readonly, monkeypatch) -> None:
    assert check_compiled().found == str(folder_of_compiled())
    monkeypatch.setattr("genolab.compiled.folder_of_compiled", lambda: None)
    check = check_compiled()
    assert (check.ok, check.fix) == (False, "set GENOLAB_CACHE to a folder that you may write to")


def test_every_compiled_function_is_declared_so() -> None:
    """By numba's own decorator a module isn't even imported where nothing can be written."""
    users = [path.name for path in PACKAGE.rglob("*.py") if "numba.njit(" in path.read_text()]
    assert users == ["compiled.py"]


def test_an_aligner_loads_from_a_readonly_package_without_a_home(readonly) -> None:
    for path in ("", "align", "data"):
        (readonly / "genolab" / path).mkdir()
        (readonly / "genolab" / path / "__pycache__").touch()
        for source in (PACKAGE / path).glob("*.py*"):
            (readonly / "genolab" / path / source.name).symlink_to(source)
    script = "import genolab.align.cpu as cpu; print(cpu.__file__, cpu._interleave.stats.cache_path)"
    environment = {"PATH": os.environ["PATH"], "XDG_CACHE_HOME": str(readonly / "home")}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=readonly, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(readonly / "genolab" / "align" / "cpu.py"), "None"]
