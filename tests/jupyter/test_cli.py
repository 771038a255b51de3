"""The command line: what it prints, how it ends, and that it opens JupyterLab."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from browser.lab import jupyter_environment
from nbformat.v4 import new_code_cell, new_notebook
from typer.testing import CliRunner, Result

import genolab
from genolab.jupyter import cli, execute, kernels, lab

CLONE = Path(__file__).parents[2]
HEAVY = {"IPython", "anndata", "jupyterlab", "nbclient", "nbconvert", "numpy", "pandas", "plotly", "scanpy", "torch"}


def save(path: Path, *cells: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=[new_code_cell(cell) for cell in cells]), path)
    return path


def invoke(*words: object) -> Result:
    return CliRunner().invoke(cli.app, [str(word) for word in words], catch_exceptions=False)


def genolab_command(*words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the command as a user does, in a process of its own."""
    command = [sys.executable, "-c", "from genolab.jupyter.cli import main; main()", *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": str(CLONE)}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_the_version_is_that_of_the_package() -> None:
    assert invoke("--version").output == f"genolab {genolab.__version__}\n"


def test_help_names_every_command() -> None:
    assert re.findall(r"^  (\w+) ", invoke("--help").output, re.MULTILINE) == ["lab", "run", "doctor", "kernel", "data"]


def test_help_is_there_before_anything_heavy_is_imported(tmp_path: Path) -> None:
    code = (
        "import sys; from genolab.jupyter import cli\n"
        "try: cli.main()\n"
        "except SystemExit: print(*{m.split('.')[0] for m in sys.modules})"
    )
    command = [sys.executable, "-c", code, "--help"]
    output = subprocess.run(command, cwd=CLONE, capture_output=True, text=True, check=True).stdout
    assert HEAVY & set(output.splitlines()[-1].split()) == set()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "nowhere.ipynb"], "there is no notebook 'nowhere.ipynb'; genolab's own are"),
        (["run", "lesson.ipynb", "--kernel", "fortran"], "there is no Jupyter kernel 'fortran'; there are"),
        (["run", "text.ipynb"], "text.ipynb is not a Jupyter notebook"),
        (["run", "lesson.ipynb", "--html", "lesson.ipynb"], "File exists: lesson.ipynb"),
        (["run", "lesson.ipynb", "lesson.ipynb"], "two of the notebooks have one name"),
        (["lab", "nowhere.ipynb"], "there is no notebook 'nowhere.ipynb' in"),
        (["data", "fetch", "pbmc68"], "Did you mean 'pbmc68k' or 'pbmc3k'?"),
    ],
)
def test_what_a_user_can_repair_is_one_sentence_without_traceback(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    message: str,
) -> None:
    save(tmp_path / "lesson.ipynb", "1")
    (tmp_path / "text.ipynb").write_text("no notebook")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["genolab", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("genolab: ")
    assert len(error.splitlines()) == 1


def test_a_missing_package_is_named_with_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["genolab", "run", "lesson.ipynb"])
    monkeypatch.setitem(sys.modules, "nbclient", None)
    monkeypatch.delitem(sys.modules, "genolab.jupyter.execute")
    monkeypatch.delattr(genolab.jupyter, "execute")
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    assert "needs nbclient, which isn't installed: pip install 'genolab[all]'" in capsys.readouterr().err


def test_run_leaves_notebooks_and_pages_and_says_where(tmp_path: Path) -> None:
    result = genolab_command("run", save(tmp_path / "lesson.ipynb", "6 * 7"), "--html", "out", cwd=tmp_path)
    assert result.returncode == 0
    assert result.stdout.split() == ["out/lesson.ipynb", "out/lesson.html"]
    assert "1/1" in result.stderr  # the progress, by cell
    assert ">42<" in re.sub(r"\s", "", (tmp_path / "out" / "lesson.html").read_text())


def test_run_ends_with_an_error_that_names_the_cell_and_goes_on_with_the_next_notebook(tmp_path: Path) -> None:
    first, second = save(tmp_path / "first.ipynb", "1", "x = 2\nx.y"), save(tmp_path / "second.ipynb", "3")
    result = genolab_command("run", first, second, "--html", tmp_path / "out", cwd=tmp_path)
    assert result.returncode == 1
    assert "first.ipynb, cell [2], line 2: AttributeError: 'int' object has no attribute 'y'\n    x.y" in result.stderr
    assert result.stderr.endswith("genolab: 1 of 2 notebooks failed: first.ipynb\n")
    assert len(list((tmp_path / "out").iterdir())) == 4


def test_run_in_place_writes_the_outputs_into_the_notebook(tmp_path: Path) -> None:
    path = save(tmp_path / "lesson.ipynb", "6 * 7")
    assert invoke("run", path, "--inplace", "--html", tmp_path / "out").exit_code == 0
    assert execute.read(path).cells[0].outputs[0].data["text/plain"] == "42"
    assert [page.name for page in (tmp_path / "out").iterdir()] == ["lesson.html"]


def test_the_doctor_ends_with_an_error_where_something_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share" / "jupyter"))
    result = invoke("doctor")
    assert result.exit_code == 1
    assert "WRONG  Kernels: none is registered\n       to do: genolab kernel install\n" in result.output
    assert invoke("kernel", "install").exit_code == 0
    assert "WRONG" not in invoke("doctor").output


def test_kernels_are_installed_listed_and_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert "None is registered" in invoke("kernel", "list").output
    assert invoke("kernel", "install").output.startswith("genolab: genolab (")
    assert sys.executable in invoke("kernel", "list").output
    assert invoke("kernel", "remove").output.startswith("removed genolab: genolab (")
    assert kernels.installed() == []


def test_the_data_sets_are_listed_with_size_and_licence() -> None:
    output = invoke("data", "list").output
    assert "pbmc68k: 700 x 765" in output
    assert output.count("licence ") == len(re.findall(r"^\w+: ", output, re.MULTILINE))


def test_data_fetch_says_what_it_got() -> None:
    assert invoke("data", "fetch", "pbmc68k").output.endswith("pbmc68k: 700 x 765\n")


def test_a_mirror_is_filled_and_the_variable_named(tmp_path: Path) -> None:
    result = invoke("data", "mirror", tmp_path / "mirror", "pbmc68k")
    assert (tmp_path / "mirror" / "MANIFEST.tsv").is_file()
    assert f"GENOLAB_MIRROR={tmp_path / 'mirror'}" in result.output


def test_jupyterlab_serves_this_machine_alone_and_calls_nobody(tmp_path: Path) -> None:
    save(tmp_path / "lesson.ipynb")
    words = lab.command(tmp_path, "lesson.ipynb")
    assert {"--ServerApp.ip=127.0.0.1", "--LabApp.news_url=None", "--LabApp.extension_manager=readonly"} <= set(words)
    assert "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate" in words
    assert not [word for word in words if "token" in word]  # Jupyter draws one; others could read it in a command line


def test_a_taken_port_is_refused_with_the_fix(tmp_path: Path) -> None:
    save(tmp_path / "lesson.ipynb")
    with lab.socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(ValueError, match=rf"port {port} is taken: choose another with --port"):
            lab.command(tmp_path, "lesson.ipynb", port=port)
    assert f"--ServerApp.port={port}" in lab.command(tmp_path, "lesson.ipynb", port=port)


def test_copies_never_overwrite_what_a_person_edited(tmp_path: Path) -> None:
    source, mine = tmp_path / "source", tmp_path / "mine"
    for name in ("a.ipynb", "b.ipynb", "c.ipynb"):
        save(source / name, "1")
    assert lab.copy_notebooks(source, mine) == (["a.ipynb", "b.ipynb", "c.ipynb"], [])
    (mine / "a.ipynb").write_text("edited")
    (mine / "b.ipynb").unlink()
    assert lab.copy_notebooks(source, mine) == (["b.ipynb"], ["a.ipynb"])
    assert (mine / "a.ipynb").read_text() == "edited"


def test_a_person_works_on_copies_also_in_a_clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lesson = save(tmp_path / "clone" / "notebooks" / "lesson.ipynb", "1")
    monkeypatch.setattr(lab, "shipped", lambda name: lesson.parent)
    monkeypatch.chdir(tmp_path)
    assert lab.workplace().folder == tmp_path / "genolab-notebooks"
    (tmp_path / "clone" / "pyproject.toml").touch()
    assert lab.workplace() == (tmp_path / "clone" / "genolab-notebooks", (["lesson.ipynb"], []))
    assert lab.workplace(tmp_path / "course") == (tmp_path / "course", (["lesson.ipynb"], []))


@pytest.fixture
def running_lab(tmp_path: Path) -> Iterator[str]:
    """`genolab lab` on a notebook, in a home of its own; yields the address that it prints."""
    notebook = save(tmp_path / "course" / "lesson.ipynb", "1")
    environment = jupyter_environment(tmp_path / "home") | {"PYTHONPATH": str(CLONE)}
    log = tmp_path / "log.txt"
    command = [
        sys.executable,
        "-c",
        "from genolab.jupyter.cli import main; main()",
        "lab",
        str(notebook),
        "--no-browser",
    ]
    with log.open("w") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        for _ in range(600):
            if found := re.search(r"http://127\.0\.0\.1:\d+/\S*token=\w+", log.read_text()):
                break
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
        assert found, log.read_text()
        yield found.group()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def test_lab_opens_the_notebook_behind_a_token_and_without_a_question(running_lab: str) -> None:
    root, query = running_lab.split("?")
    assert root.endswith("/lab/tree/lesson.ipynb")
    assert urllib.request.urlopen(running_lab, timeout=60).status == 200
    contents = root.replace("/lab/tree/", "/api/contents/")
    assert json.load(urllib.request.urlopen(f"{contents}?{query}", timeout=60))["type"] == "notebook"
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(contents, timeout=60)
    settings = root.replace("/lab/tree/lesson.ipynb", "/lab/api/settings/@jupyterlab/apputils-extension:notification")
    schema = json.load(urllib.request.urlopen(f"{settings}?{query}", timeout=60))["schema"]
    assert schema["properties"]["fetchNews"]["default"] == "false"  # "none" lays a question about news over the page
