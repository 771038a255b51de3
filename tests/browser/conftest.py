"""Fixtures of the browser tests: `notebook` opens code cells in JupyterLab."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from browser.lab import ARTIFACTS, CHROMIUM_FLAGS, Desk, Notebook, Server, find_browser, serve

_FAILED: pytest.StashKey[bool] = pytest.StashKey()


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(tmp_path_factory.mktemp("jupyter")) as running:
        yield running


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    # Not for the whole session: while playwright is open, its event loop runs in the thread that the other tests need.
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=find_browser(), args=CHROMIUM_FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="package")
def visitor(browser: Browser) -> BrowserContext:
    """A visitor who comes back: JupyterLab's scripts are loaded and compiled once, not for every test."""
    return browser.new_context()


@pytest.fixture(scope="package")
def desks() -> list[Desk]:
    """What earlier tests left for the next."""
    return []


@pytest.fixture
def notebook(
    request: pytest.FixtureRequest, server: Server, browser: Browser, visitor: BrowserContext, desks: list[Desk]
) -> Iterator[Callable[..., Notebook]]:
    """Call it with a list of code cells: it gives them back as a `Notebook`, open in JupyterLab.

    Options: `width` and `height` of the window in CSS pixels, `scale` device pixels a CSS pixel, and
    `init`, JavaScript that runs before the page's own. The kernel is as new, but for what earlier tests imported.
    """
    opened: list[Notebook] = []
    plain: list[Notebook] = []  # on pages that another test can use

    def open_notebook(
        cells: list[str], *, width: int = 1280, height: int = 900, scale: float = 1, init: str = ""
    ) -> Notebook:
        kernel, page = desks.pop() if desks else (None, None)
        special = scale != 1 or init
        if page and special:
            page.close()
        if not page or special:
            page = (browser.new_context(device_scale_factor=scale) if special else visitor).new_page()
        page.set_viewport_size({"width": width, "height": height})
        if init:
            page.add_init_script(init)
        opened.append(Notebook(page, server, cells, name=request.node.name, kernel=kernel))
        plain.extend([] if special else opened[-1:])
        return opened[-1]

    yield open_notebook
    failed = request.node.stash.get(_FAILED, False)
    errors = [error for book in opened for error in book.errors]  # not what the sweeping away of widgets stirs up
    for book in opened:
        if failed:
            book.screenshot(f"failed-{request.node.name}"[:120])
        book.theme(dark=False)  # a theme is a setting of the server, shared by all tests
        book.spent |= failed
        if desk := book.leave(keep_page=book in plain):
            desks.append(desk)
        if book not in plain:
            book.page.context.close()
    assert not errors, f"the browser's console reported {errors}"


def pytest_configure(config: pytest.Config) -> None:
    ARTIFACTS.mkdir(exist_ok=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    if report.when == "call":
        item.stash[_FAILED] = report.failed
    return report
