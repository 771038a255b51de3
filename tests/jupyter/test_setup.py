"""The set-up: its files agree, the layers hold, the package works outside the clone, and it is quick to import."""

import os
import stat
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

CLONE = Path(__file__).parents[2]
PROJECT = tomllib.loads((CLONE / "pyproject.toml").read_text(encoding="utf-8"))
# In pieces, so that this file itself holds none: hosts of package registries, and folders of the authors' machines.
FORBIDDEN = [
    "py" + "pi.org",
    "pythonhos" + "ted.org",
    "deb.deb" + "ian.org",
    "npm" + "js.org",
    "/op" + "t/",
    "/wo" + "rk/",
]
MIRROR = "shared/" + "mirror"
IMPORT_SECONDS = 1.0  # asked are 0.3; the rest is for a machine that does other things


def pins() -> dict[str, str]:
    lines = (CLONE / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return {
        canonicalize_name(name): version
        for name, _, version in (line.partition("==") for line in lines if line[0] != "#")
    }


def asked() -> list[Requirement]:
    """What pyproject.toml names itself: to run, for each job, and for the tests."""
    project = PROJECT["project"]
    groups = [
        project["dependencies"],
        *project["optional-dependencies"].values(),
        *PROJECT["dependency-groups"].values(),
    ]
    found = [Requirement(line) for group in groups for line in group]
    return [requirement for requirement in found if requirement.name != "genolab"]


def needed() -> set[str]:
    """Names of all packages that those need in turn, here."""
    done: set[str] = set()
    todo = asked()
    while todo:
        requirement = todo.pop()
        name = canonicalize_name(requirement.name)
        for line in metadata.requires(name) or [] if name not in done else []:
            wanted = Requirement(line)
            if wanted.marker is None or any(
                wanted.marker.evaluate({"extra": extra}) for extra in ("", *requirement.extras)
            ):
                todo.append(wanted)
        done.add(name)
    return done


def our_files() -> list[Path]:
    """Text files of the project: what a commit may hold."""
    folders = [CLONE / name for name in ("genolab", "tests", "notebooks", "data", ".ci")]
    found = [path for folder in folders for path in folder.rglob("*")] + list(CLONE.glob("*"))
    kinds = {".py", ".js", ".css", ".md", ".toml", ".txt", ".yml", ".yaml", ".ipynb", ".json", ".tsv", ""}
    left_out = {"__pycache__", "artifacts"}
    return [path for path in found if path.is_file() and path.suffix in kinds and not left_out & set(path.parts)]


def run(*words: object, cwd: Path, **variables: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    result = subprocess.run(
        [str(word) for word in words], cwd=cwd, env=environment | variables, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_every_package_that_is_asked_for_is_pinned_to_a_version_that_will_do() -> None:
    found = pins()
    assert [str(r) for r in asked() if canonicalize_name(r.name) not in found] == []
    assert [str(r) for r in asked() if not r.specifier.contains(found[canonicalize_name(r.name)])] == []


def test_every_package_that_those_need_is_pinned_to_what_is_installed() -> None:
    installed = {name: Version(metadata.version(name)).public for name in needed()}
    assert {name: version for name, version in installed.items() if pins().get(name) != version} == {}


def test_no_pin_names_a_build_for_one_machine() -> None:
    assert [f"{name}=={version}" for name, version in pins().items() if Version(version).local] == []


def test_all_is_all_of_the_jobs() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    (everything,) = map(Requirement, extras["all"])
    assert everything.extras == set(extras) - {"all"}


def test_conda_takes_the_same_pins_and_the_same_package() -> None:
    environment = yaml.safe_load((CLONE / "environment.yml").read_text(encoding="utf-8"))
    *conda, pip = environment["dependencies"]
    assert pip["pip"] == ["--constraint constraints.txt", "--editable .[all]"]
    (python,) = [word.removeprefix("python=") for word in conda if word.startswith("python")]
    assert Requirement(f"python{PROJECT['project']['requires-python']}").specifier.contains(python)


def test_the_version_is_one() -> None:
    import genolab

    changes = (CLONE / "CHANGELOG.md").read_text(encoding="utf-8")
    assert PROJECT["project"]["version"] == genolab.__version__
    assert f"## [{genolab.__version__}]" in changes


def test_importing_genolab_loads_nothing_heavy() -> None:
    code = "import sys; import genolab; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = set(run(sys.executable, "-c", code, cwd=CLONE).split())
    assert {"torch", "numpy", "pandas", "scanpy", "IPython"} & loaded == set()


def test_imports_run_one_way() -> None:
    tool = Path(sysconfig.get_path("scripts")) / "lint-imports"
    assert " 0 broken" in run(tool, "--no-logo", "--no-cache", cwd=CLONE)


def test_the_type_checker_is_strict_and_every_ignore_bears_its_reason() -> None:
    assert PROJECT["tool"]["mypy"]["strict"] is True
    lines = (CLONE / "pyproject.toml").read_text(encoding="utf-8").split("ignore = [")[1].split("]")[0].splitlines()
    assert [line for line in lines if '"' in line and "#" not in line] == []


def test_no_file_names_a_registry_or_a_folder_of_one_machine() -> None:
    found = [(path, word) for path in our_files() for word in FORBIDDEN if word in path.read_text(encoding="utf-8")]
    assert found == []


def test_the_mirror_beside_the_clone_is_known_to_the_integration_script_alone() -> None:
    named = [path.relative_to(CLONE) for path in our_files() if MIRROR in path.read_text(encoding="utf-8")]
    assert named == [Path(".ci/run")]


def test_the_integration_script_can_be_run() -> None:
    script = CLONE / ".ci" / "run"
    assert script.stat().st_mode & stat.S_IXUSR
    run("bash", "-n", script, cwd=CLONE)


def test_each_hook_before_a_commit_is_there_without_a_download() -> None:
    (repository,) = yaml.safe_load((CLONE / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert repository["repo"] == "local"
    tools = {Path(hook["entry"].split()[0]).name for hook in repository["hooks"]}
    scripts = Path(sysconfig.get_path("scripts"))
    assert [tool for tool in tools if not (scripts / tool).exists()] == []


def test_make_says_what_it_can_do() -> None:
    said = run("make", "help", cwd=CLONE)
    assert [word for word in ("make lab", "make test", "PORT=", "BROWSER=no", "TORCH_INDEX=") if word not in said] == []


def test_an_old_python_is_refused_with_the_fix(tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_bytes((CLONE / name).read_bytes())
    old = tmp_path / "python"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2 && exit 0\nexit 1\n')
    old.chmod(0o755)
    result = subprocess.run(["make", "lab", f"PYTHON={old}"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert f"genolab needs Python 3.11 or later; {old} is Python 3.9.2." in result.stderr
    assert not (tmp_path / ".venv").exists()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source distribution as an installer does it."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, CLONE, cwd=folder)
    (source,) = folder.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        assert not [name for name in archive.getnames() if "/.venv/" in name or "/artifacts/" in name]
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel; what genolab needs comes from this environment, for want of a network."""
    folder = tmp_path_factory.mktemp("elsewhere")
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    executable = folder / "venv" / "bin" / "python"
    site = Path(run(executable, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip())
    (site / "needs.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--python", executable, "install", "--quiet", "--no-deps", "--no-index"]
    run(*pip, "--ignore-installed", wheel, cwd=folder)
    return executable


def test_the_wheel_holds_code_front_ends_types_notebooks_and_data(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    found = [path.relative_to(CLONE) for path in (CLONE / "genolab").rglob("*.*")]
    sources = {path.as_posix() for path in found if "__pycache__" not in path.parts}
    assert sources - names == set()
    assert not [name for name in names if "__pycache__" in name]  # numba keeps there what it compiled on this machine
    assert {Path(name).suffix for name in sources} >= {".py", ".js", ".css"}
    notebooks = {f"genolab/_shipped/notebooks/{path.name}" for path in (CLONE / "notebooks").glob("*.ipynb")}
    assert notebooks <= names
    assert "genolab/py.typed" in names
    assert [name for name in names if name.startswith("genolab/_shipped/data/")]
    assert not [name for name in names if name.startswith(("tests/", "data/", "notebooks/"))]


def test_the_wheel_works_outside_the_clone(python: Path, tmp_path: Path) -> None:
    code = (
        "import genolab; from genolab.paths import shipped as at; print(genolab.__file__, at('notebooks'), at('data'))"
    )
    places = run(python, "-c", code, cwd=tmp_path).split()
    assert [place for place in places if not place.startswith(str(python.parents[2]))] == []
    command = python.with_name("genolab")
    assert "doctor" in run(command, "--help", cwd=tmp_path)
    assert "pbmc68k: 700 x 765" in run(command, "data", "list", cwd=tmp_path)
    assert run(command, "data", "fetch", "pbmc68k", cwd=tmp_path).endswith("pbmc68k: 700 x 765\n")


def test_outside_the_clone_the_notebooks_are_copied(python: Path, tmp_path: Path) -> None:
    run(python, "-c", "from genolab.jupyter import lab; print(lab.workplace())", cwd=tmp_path)
    copies = {path.name for path in (tmp_path / "genolab-notebooks").iterdir()}
    assert copies == {path.name for path in (CLONE / "notebooks").glob("*.ipynb")}
