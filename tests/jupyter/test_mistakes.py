"""A mistake in a notebook shows its message first, and its traceback folded."""

import linecache
from types import SimpleNamespace
from typing import Any

import IPython
import pytest

import genolab.mistakes
from genolab.checks import check_known

CELL = "first = 1\ncheck_known('genes', ['a<b>'], names)\n"
WHOLE = ["\x1b[31mTraceback\x1b[0m", "  <module> & more"]


class Shell:
    """A notebook's kernel as far as errors go: it notes what it is asked to show."""

    def __init__(self) -> None:
        self.kernel, self.shown, self.display_pub = object(), [], SimpleNamespace(publish=self.publish)
        self.compile = SimpleNamespace(format_code_name=lambda name: ("Cell", "In[3]") if name == "cell-3" else None)

    def _showtraceback(self, kind: type[BaseException], error: BaseException, lines: list[str]) -> None:
        self.shown.append(lines)

    def publish(self, data: dict[str, str]) -> None:
        self.shown.append(data)

    def run(self, source: str) -> list[Any]:
        linecache.cache["cell-3"] = (len(source), None, source.splitlines(keepends=True), "cell-3")
        try:
            exec(compile(source, "cell-3", "exec"), {"check_known": check_known, "names": ["c"]})
        except (ArithmeticError, KeyError, NameError, TypeError, ValueError) as error:
            self._showtraceback(type(error), error, WHOLE)
        return self.shown


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Shell:
    shell = Shell()
    monkeypatch.setattr(IPython, "get_ipython", lambda: shell)
    genolab.mistakes.fold_tracebacks()
    genolab.mistakes.fold_tracebacks()  # imported anew: not folded twice
    return shell


def test_the_message_comes_first_and_the_traceback_is_folded_and_escaped(shell: Shell) -> None:
    (message, place), folded = shell.run(CELL)
    assert message == "\x1b[1m'a<b>' isn't one of the 1 genes: c\x1b[0m"
    assert place == "KeyError in Cell In[3], line 2:\n    check_known('genes', ['a<b>'], names)"
    assert folded["text/plain"] == "Traceback\n  <module> & more"
    assert (
        "<details><summary>Traceback</summary><pre>Traceback\n  &lt;module&gt; &amp; more</pre>" in folded["text/html"]
    )


@pytest.mark.parametrize(
    "source", ["1 / 0", "check_known('genes', 3, names)", "check_known()", "raise ValueError('a')"]
)
def test_what_genolab_did_not_raise_keeps_its_traceback(shell: Shell, source: str) -> None:
    assert shell.run(source) == [WHOLE]


def test_one_switch_shows_the_traceback_whole(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENOLAB_TRACEBACKS", "full")
    assert shell.run(CELL) == [WHOLE]


def test_a_name_that_is_not_there_may_be_of_a_cell_that_was_left_out(shell: Shell) -> None:
    *whole, note = shell.run("table.head()")[0]
    assert whole == WHOLE
    assert note == "If a cell above makes 'table', run that first (menu Run, Run All Above Selected Cell)."
