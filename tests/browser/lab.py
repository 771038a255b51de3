"""A real JupyterLab in a real browser, for the tests of this folder: the server, and one opened notebook.

Nothing of the person's own Jupyter is read or written: every folder that Jupyter knows of is a temporary one.
"""

import contextlib
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
from playwright.sync_api import ConsoleMessage, Locator, Page

import genolab
from browser.contrast import NOTE, contrasts
from genolab.jupyter.lab import SETTINGS

ARTIFACTS = Path(__file__).parent / "artifacts"
KERNEL = "genolab-test"

CHROMIUM_FLAGS = [
    "--no-sandbox",  # containers run as root, where the sandbox can't start
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",  # everything is on 127.0.0.1
    # WebGL without a graphics card, drawn by the processor:
    "--disable-gpu",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]

# Console errors that say nothing about genolab, each with its reason. All others fail the test.
HARMLESS = {
    r"GPU stall due to ReadPixels": "Chromium's note on its own software WebGL, when a screenshot is taken",
    r"favicon": "the tab's icon is not part of what is tested",
}


class Server(NamedTuple):
    """A JupyterLab server that answers."""

    url: str
    token: str
    folder: Path

    def lend(self, kernel: str, file: str) -> None:
        """Let a notebook, before it opens, have a kernel that is running already."""
        session = {"path": file, "name": file, "type": "notebook", "kernel": {"id": kernel}}
        headers = {"Authorization": f"token {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/api/sessions", json.dumps(session).encode(), headers)
        _opener().open(request, timeout=10).close()


def find_browser() -> str:
    """Find Chromium; a machine without one fails the tests instead of skipping them."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    found = os.environ.get("GENOLAB_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if not found:
        raise RuntimeError(
            f"the browser tests need Chromium, and none of {names} is on the PATH: install it "
            "(Debian: apt-get install chromium), or name its path in GENOLAB_CHROMIUM"
        )
    return found


def jupyter_environment(home: Path) -> dict[str, str]:
    """Give every folder of Jupyter a place under `home`, and let the kernel import the genolab under test."""
    folders = {
        "HOME": home,
        "JUPYTER_CONFIG_DIR": home / "config",
        "JUPYTER_DATA_DIR": home / "data",
        "JUPYTER_RUNTIME_DIR": home / "runtime",
        "IPYTHONDIR": home / "ipython",
        "JUPYTERLAB_SETTINGS_DIR": home / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": home / "workspaces",
    }
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    root = Path(genolab.__file__).parent.parent
    return {**os.environ, **{name: str(folder) for name, folder in folders.items()}, "PYTHONPATH": str(root)}


def write_kernel(home: Path) -> None:
    """Write a kernel spec that runs the Python of the tests."""
    folder = home / "data" / "kernels" / KERNEL
    folder.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "genolab (test)", "language": "python"}
    folder.joinpath("kernel.json").write_text(json.dumps(spec))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _answers(url: str) -> bool:
    gone = (urllib.error.URLError, ConnectionError, TimeoutError)
    with contextlib.suppress(*gone), _opener().open(url, timeout=5) as page:
        return page.status == 200
    return False


@contextlib.contextmanager
def serve(home: Path) -> Iterator[Server]:
    """Run JupyterLab until the block ends; on a failure to start, show the end of its log."""
    environment = jupyter_environment(home) | {"JUPYTER_CONFIG_PATH": str(SETTINGS)}
    write_kernel(home)
    folder = home / "notebooks"
    folder.mkdir()
    token, port = secrets.token_hex(16), _free_port()
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        *(f"--IdentityProvider.token={token}", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"),
        *("--ServerApp.port_retries=0", f"--ServerApp.root_dir={folder}", "--LabApp.expose_app_in_browser=True"),
        *("--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"),
        "--LabApp.extension_manager=readonly",
    ]
    log = home / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=out, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while not _answers(f"{url}/api/status?token={token}"):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")
            time.sleep(0.1)
        yield Server(url, token, folder)
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()


# Leaves what was imported, which is what takes time, and nothing else.
SWEEP = """
import sys
if "genolab.run.background" in sys.modules:
    sys.modules["genolab.run.background"].stop_all()
if "ipywidgets" in sys.modules:
    sys.modules["ipywidgets"].Widget.close_all()
get_ipython().reset(new_session=False)
import gc
gc.collect()
gc.freeze()  # modules stay: the next collection passes over them
del gc
"""

_PANEL = "const app = window.jupyterapp; const panel = app.shell.currentWidget;"


class Desk(NamedTuple):
    """What a test leaves to the next: a kernel, swept clean, and the page with the notebook that has this kernel.

    A new kernel would take seconds for its imports, a new page for JupyterLab's scripts, a new notebook one more.
    """

    kernel: str
    page: Page | None


class Notebook:
    """One notebook, open in the browser with a kernel of its own.

    Cells are counted from 0. What takes long has a `timeout` in seconds and fails with what was seen.

    Attributes
    ----------
    page
        The Playwright page.
    folder
        The kernel's working directory.
    errors
        What the browser's console reported as errors, the harmless ones left out.
    spent
        Whether the kernel is not to be used again, as a test has killed it.
    """

    def __init__(self, page: Page, server: Server, cells: list[str], *, name: str, kernel: str | None = None) -> None:
        self.page = page
        self.errors: list[str] = []
        self.spent = False
        self.folder = server.folder
        self._listeners = {"console": self._note_console, "pageerror": lambda error: self._note(str(error))}
        for event, listener in self._listeners.items():
            page.on(event, listener)
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
        book.metadata["kernelspec"] = {"name": KERNEL, "display_name": "genolab (test)", "language": "python"}
        if page.url.startswith(server.url):
            self._replace(book)
        else:
            self._open(book, server, name, kernel)
        page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)
        self.wait_idle(timeout=60)

    def _open(self, book: nbformat.NotebookNode, server: Server, name: str, kernel: str | None) -> None:
        """Open JupyterLab with the notebook in a file of its own: a kernel outlives a test on one of the same name."""
        file = f"{re.sub(r'[^A-Za-z0-9]+', '-', name).strip('-')}-{secrets.token_hex(4)}.ipynb"
        nbformat.write(book, server.folder / file)
        if kernel:
            server.lend(kernel, file)
        self.page.goto(f"{server.url}/doc/tree/{file}?token={server.token}&reset")

    def _replace(self, book: nbformat.NotebookNode) -> None:
        """Put these cells into the notebook that is open."""
        self.page.mouse.move(0, 0)
        script = f"""(book) => {{ {_PANEL}
            panel.context.model.fromJSON(book);
            document.querySelector('.jp-WindowedPanel-outer').scrollTop = 0; }}"""
        self.page.evaluate(script, book)

    def _note(self, text: str) -> None:
        if not any(re.search(pattern, text) for pattern in HARMLESS):
            self.errors.append(text)

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._note(f"{message.text} ({message.location.get('url', '')})")

    def wait_idle(self, *, timeout: float = 60) -> None:
        """Wait until the kernel is there and has nothing to do."""
        status = "window.jupyterapp?.shell.currentWidget?.context?.sessionContext?.session?.kernel?.status"
        self.page.wait_for_function(f"() => {status} === 'idle'", timeout=timeout * 1000)

    def start(self, index: int) -> None:
        """Run a cell without waiting for its end."""
        script = f"""(index) => {{ {_PANEL}
            panel.content.activeCellIndex = index;
            panel.content.deselectAll();
            panel.content.widgets[index].model.sharedModel.execution_count = null;
            app.commands.execute('notebook:run-cell'); }}"""
        self.page.evaluate(script, index)

    def wait(self, index: int, *, timeout: float = 60, fails: bool = False) -> str:
        """Wait for the end of a started cell and return its text; an error fails the test unless it `fails`."""
        script = f"""(index) => {{ {_PANEL}
            const model = panel.content.widgets[index].model;
            return model.executionCount !== null && model.sharedModel.executionState !== 'running'; }}"""
        self.page.wait_for_function(script, arg=index, timeout=timeout * 1000)
        text = self.output(index)
        failed = any(output["output_type"] == "error" for output in self.outputs(index))
        assert failed == fails, f"cell {index} {'failed' if failed else 'was to fail and did not'}:\n{text}"
        return text

    def run(self, index: int, *, timeout: float = 60, fails: bool = False) -> str:
        """Run a cell, wait for its end, and return the text that it put out."""
        self.start(index)
        return self.wait(index, timeout=timeout, fails=fails)

    def outputs(self, index: int) -> list[dict[str, Any]]:
        """Return the outputs of a cell in the notebook format."""
        script = f"(index) => {{ {_PANEL} return panel.content.widgets[index].model.outputs.toJSON(); }}"
        found: list[dict[str, Any]] = self.page.evaluate(script, index)
        return found

    def output(self, index: int) -> str:
        """Return what a cell printed, its last value and its error, as plain text."""
        return _text(self.outputs(index))

    def cell(self, index: int) -> Locator:
        """Return the cell on the page."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index)

    def run_code(self, source: str, *, timeout: float = 60) -> str:
        """Run `source` in the kernel beside the notebook and return its text; it waits for running cells to end."""
        script = f"""async ([code, milliseconds]) => {{ {_PANEL}
            const kernel = panel.context.sessionContext.session.kernel;
            const future = kernel.requestExecute({{ code, store_history: false }});
            const outputs = [];
            future.onIOPub = ({{ header, content }}) => outputs.push({{ output_type: header.msg_type, ...content }});
            const late = new Promise((_, fail) => setTimeout(fail, milliseconds, new Error('the kernel is busy')));
            await Promise.race([future.done, late]);
            return outputs; }}"""
        outputs = self.page.evaluate(script, [source, timeout * 1000])
        text = _text(outputs)
        assert not any(output["output_type"] == "error" for output in outputs), text
        return text

    def until(self, condition: str, *, timeout: float = 20) -> None:
        """Wait until a Python expression holds in the kernel."""
        deadline = time.monotonic() + timeout
        while self.run_code(f"print(bool({condition}))") != "True\n":
            assert time.monotonic() < deadline, f"waited in vain for {condition}"

    def draw(self) -> None:
        """Wait until the browser has drawn what it knows."""
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def theme(self, *, dark: bool) -> None:
        """Put JupyterLab into its dark or its light theme."""
        name = "JupyterLab Dark" if dark else "JupyterLab Light"
        script = f"(theme) => {{ {_PANEL} return app.commands.execute('apputils:change-theme', {{ theme }}); }}"
        self.page.evaluate(script, name)
        light = "false" if dark else "true"
        self.page.wait_for_function(f"() => document.body.dataset.jpThemeLight === '{light}'")
        self.draw()

    def check_contrast(self, **targets: Locator) -> None:
        """Check that all text of some targets can be read in both themes, and keep their pictures, by name."""
        self.page.evaluate(NOTE)
        for dark in (True, False):
            self.theme(dark=dark)
            for name, target in targets.items():
                target.scroll_into_view_if_needed()
                self.draw()
                self.screenshot(f"{name}-{'dark' if dark else 'light'}", target)
                measured = contrasts(target)
                assert measured[0].ratio >= 4.5, (name, dark, [one for one in measured if one.ratio < 4.5])

    def screenshot(self, name: str, target: Locator | None = None) -> Path:
        """Keep a picture of the page, or of one part of it, in the folder of artefacts."""
        ARTIFACTS.mkdir(exist_ok=True)
        path = ARTIFACTS / f"{name}.png"
        (target or self.page).screenshot(path=path)
        return path

    def close(self) -> None:
        """End the kernel and close the page, as far as they are still there."""
        with contextlib.suppress(Exception):  # the page may be gone already, or the kernel busy
            self.page.evaluate(f"async () => {{ {_PANEL} await panel.context.sessionContext.shutdown(); }}")
        self.page.close()

    def leave(self, *, keep_page: bool) -> Desk | None:
        """Close the notebook and leave its kernel and page to the next, or end them where they can't be swept."""
        if self.spent:
            return self.close()
        kernel = None
        with contextlib.suppress(Exception):  # the page may be gone already, or the kernel busy
            self.run_code(SWEEP, timeout=5)
            kernel = self.page.evaluate(f"() => {{ {_PANEL} return panel.context.sessionContext.session.kernel.id; }}")
        if kernel is None:
            return self.close()
        for event, listener in self._listeners.items():
            self.page.remove_listener(event, listener)
        if not keep_page:
            self.page.close()
        return Desk(kernel, self.page if keep_page else None)


class View:
    """A widget on the page, as a person meets it; `name` is the CSS class of its root."""

    def __init__(self, book: Notebook, name: str, cell: int = 1) -> None:
        self.book, self.page = book, book.page
        self.root = book.cell(cell).locator(f".{name}").first
        self.root.wait_for()

    def settle(self) -> None:
        """Wait until Python has followed and the answer is drawn."""
        self.root.and_(self.page.locator('[aria-busy="false"]')).wait_for(timeout=20_000)
        self.book.draw()

    def resize(self, width: int, height: int = 900) -> None:
        """Give the window another size, and wait until the widget follows."""
        self.page.set_viewport_size({"width": width, "height": height})
        follows = "([el, width]) => el.getBoundingClientRect().right <= width"
        self.page.wait_for_function(follows, arg=[self.root.element_handle(), width])
        self.book.draw()

    def check_texts_and_controls(self) -> None:
        """Check that no text is smaller than 12 pixels, and that each control has a name and a sentence."""
        smallest = self.root.evaluate(
            """(el) => Math.min(...[...el.querySelectorAll('*')].filter((e) => e.offsetParent && e.textContent.trim())
                                    .map((e) => parseFloat(getComputedStyle(e).fontSize)))"""
        )
        assert smallest >= 12
        for control in self.root.locator("button:visible, select:visible, input:visible").all():
            name = control.evaluate(
                "el => el.ariaLabel || el.innerText || [...el.labels].map((l) => l.innerText).join(' ')"
            )
            assert name.strip(), control.evaluate("el => el.outerHTML")
            assert control.evaluate("el => el.title || [...el.labels].some((label) => label.title)"), name


def _text(outputs: list[dict[str, Any]]) -> str:
    parts = []
    for output in outputs:
        if output["output_type"] == "stream":
            text = output["text"]
            parts.append(text if isinstance(text, str) else "".join(text))
        elif output["output_type"] in {"execute_result", "display_data"}:
            parts.append("".join(output["data"].get("text/plain", "")) + "\n")
        elif output["output_type"] == "error":
            parts.append(re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(output["traceback"])) + "\n")
    return "".join(parts)
