"""The command `genolab`: open the notebooks, run them without a screen, look over the set-up, fetch data.

What a command needs is imported when it runs, so that `genolab --help` is there at once.
"""

import socket
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

import genolab

_HELP = "genolab: deep learning on genomes, in notebooks."
app = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, help=_HELP
)
kernel_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
data_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(kernel_app, name="kernel", help="Jupyter kernels, one for each device.")
app.add_typer(data_app, name="data", help="The data sets that genolab knows.")


def main() -> NoReturn:
    """Run the command line; what the user can repair is said in a sentence, without a traceback."""
    try:
        app()
    except ModuleNotFoundError as error:
        if (error.name or "genolab").startswith("genolab"):
            raise
        _fail(f"this command needs {error.name}, which isn't installed: pip install 'genolab[all]'")
    except OSError as error:
        _fail(f"{error.strerror}: {error.filename}" if error.strerror and error.filename else str(error))
    except ValueError as error:
        _fail(str(error))
    sys.exit(0)


def _fail(message: str) -> NoReturn:
    typer.echo(f"genolab: {message}", err=True)
    sys.exit(1)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"genolab {genolab.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    pass  # no docstring: it would replace the app's help


@app.command("lab")
def open_lab(
    notebook: Annotated[str, typer.Argument(help="The notebook to open: a name or a path.")] = "00_start_here.ipynb",
    port: Annotated[int | None, typer.Option(help="Port to serve on; by default the first free one from 8888.")] = None,
    browser: Annotated[bool, typer.Option(help="Open the page, or only print its address (on a server).")] = True,
    folder: Annotated[
        Path | None,
        typer.Option(
            help="Where your copies of the notebooks are; by default genolab-notebooks, in the clone or here."
        ),
    ] = None,
) -> None:
    """Open JupyterLab on your copies of the notebooks; a path, as notebooks/01_mine.ipynb, opens that file.

    It listens on this machine alone, asks for the token that is part of the printed address, and calls nobody. From
    another machine it is reached by a tunnel, ssh -N -L 8888:127.0.0.1:8888 SERVER; a server for many people is a
    JupyterHub on this environment.
    """
    from genolab.jupyter import kernels, lab

    path = Path(notebook)
    root = path.resolve().parent
    if path.parent == Path():  # a bare name
        root, copied = lab.workplace(folder)
        kept = f", {len(copied.kept)} kept as you have them (delete one to get it anew)" if copied.kept else ""
        typer.echo(f"Your copies of the notebooks are in {root}: {len(copied.new)} new{kept}.")
    words = lab.command(root, path.name, port=port, browser=browser)
    if not kernels.installed():
        typer.echo(f"Registered {', '.join(kernel.display_name for kernel in kernels.install())}.")
    typer.echo("JupyterLab starts. Ctrl-C, twice, stops it.")
    if not browser:
        at = port or "PORT"  # that of the address, which Jupyter prints
        typer.echo(f"To open it on another machine, run there: ssh -N -L {at}:127.0.0.1:{at} {socket.gethostname()}")
    lab.become(words)


@app.command()
def run(
    notebooks: Annotated[list[Path], typer.Argument(metavar="NOTEBOOK", help="The notebooks, in order.")],
    html: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for the executed notebooks and their pages.")
    ] = Path("executed"),
    kernel: Annotated[str | None, typer.Option(help="Kernel to run on; by default the notebook's own.")] = None,
    timeout: Annotated[int | None, typer.Option(min=1, help="Seconds that one cell may take; by default any.")] = None,
    inplace: Annotated[
        bool, typer.Option("--inplace", help="Write the outputs into the notebooks themselves.")
    ] = False,
) -> None:
    """Run notebooks without a screen, and leave each with its outputs and as a page that opens offline.

    The first failing cell of a notebook ends it: its number, line and error are printed, what ran so far is kept, the
    next notebook runs, and the command ends with an error.
    """
    from genolab.jupyter import execute, kernels

    # What can be checked at once is checked before the first notebook runs.
    paths = [_find(notebook) for notebook in notebooks]
    for path in paths:
        execute.read(path)
    kernels.choose(kernel, None)
    html.mkdir(parents=True, exist_ok=True)
    if len({path.name for path in paths}) < len(paths):
        raise ValueError(f"two of the notebooks have one name: {', '.join(path.name for path in paths)}")
    failed = [path.name for path in paths if not _run_one(path, html, kernel, timeout, inplace)]
    if failed:
        _fail(f"{len(failed)} of {len(paths)} notebooks failed: {', '.join(failed)}")


def _find(notebook: Path) -> Path:
    """Take a path as it is, and a bare name also as that of a shipped notebook."""
    from genolab.checks import meant_file
    from genolab.jupyter.lab import names
    from genolab.paths import shipped

    own = shipped("notebooks")
    if notebook.is_file():
        return notebook
    if notebook.parent == Path() and (own / notebook).is_file():
        return own / notebook
    near = meant_file(notebook) or meant_file(own / notebook.name)
    raise ValueError(f"there is no notebook {str(notebook)!r}; genolab's own are {names(own)}{near}")


def _run_one(path: Path, folder: Path, kernel: str | None, timeout: int | None, inplace: bool) -> bool:
    from tqdm import tqdm

    from genolab.jupyter import execute

    with tqdm(desc=path.stem, unit="cell", mininterval=0, miniters=0) as bar:

        def watch(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        outcome = execute.run(path, folder, kernel=kernel, timeout=timeout, inplace=inplace, watch=watch)
    if outcome.failure:
        typer.echo(f"{path.name}, {outcome.failure}", err=True)
    typer.echo(f"{outcome.notebook}\n{outcome.page}")
    return outcome.failure is None


@app.command()
def doctor() -> None:
    """Look over the set-up: say of each part that it is right, or what to do."""
    from genolab.jupyter import doctor

    wrong = 0
    for check in doctor.examine():
        typer.echo(f"{'OK   ' if check.ok else 'WRONG'}  {check.name}: {check.found}")
        if not check.ok:
            typer.echo(f"       to do: {check.fix}")
        wrong += not check.ok
    if wrong:
        _fail(f"{wrong} {'part needs' if wrong == 1 else 'parts need'} repair, see above")


@kernel_app.command("install")
def kernel_install() -> None:
    """Register a Jupyter kernel for each device found, in this environment."""
    from genolab.jupyter import kernels

    for kernel in kernels.install():
        typer.echo(f"{kernel.name}: {kernel.display_name}")


@kernel_app.command("list")
def kernel_list() -> None:
    """List the registered kernels."""
    from genolab.jupyter import kernels

    for kernel in kernels.installed():
        typer.echo(f"{kernel.name}: {kernel.display_name}, {kernel.python}")
    if not kernels.installed():
        typer.echo("None is registered: genolab kernel install")


@kernel_app.command("remove")
def kernel_remove() -> None:
    """Take genolab's kernels away; others stay."""
    from genolab.jupyter import kernels

    for kernel in kernels.remove():
        typer.echo(f"removed {kernel.name}: {kernel.display_name}")


@data_app.command("list")
def data_list() -> None:
    """List the data sets: name, size, labels, licence, and whether they are on this machine."""
    from genolab.data.catalogue import catalog

    for row in catalog().to_dict("records"):
        here = "on this machine" if row["cached"] else "to be fetched"
        typer.echo(f"{row['name']}: {row['rows']:,} x {row['columns']:,}, {row['size']} MB, {here}")
        typer.echo(f"    labels   {row['labels'] or 'none'}")
        typer.echo(f"    licence  {row['licence']}")
        typer.echo(f"    source   {row['source']}")


@data_app.command("fetch")
def data_fetch(names: Annotated[list[str], typer.Argument(metavar="NAME", help="Names from the list.")]) -> None:
    """Fetch data sets into the cache, so that they open without a network."""
    from genolab.data.catalogue import fetch

    for name in names:
        cells = fetch(name)
        typer.echo(f"{name}: {cells.n_obs:,} x {cells.n_vars:,}")


@data_app.command("mirror")
def data_mirror(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to fill.")],
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Data sets; by default all.")] = None,
) -> None:
    """Fill a folder with the data sets, for a room without a network: there set GENOLAB_MIRROR=DIR."""
    from genolab.data.catalogue import mirror

    files = mirror(folder, names or None)
    typer.echo(f"{len(files)} files are in {folder}. Where there is no network, set GENOLAB_MIRROR={folder.resolve()}")
