"""The harness itself: what the other browser tests stand on must be able to fail."""

import pytest


def test_a_cell_runs_in_the_browser_and_the_next_reads_what_it_left(notebook):
    mistake = "from genolab.checks import check_at_least\ncheck_at_least('n_boot', 0)"
    book = notebook(["answer = 6 * 7", "print(answer)\nanswer + 1", "1 / 0", mistake])
    assert book.run(0) == ""
    assert book.run(1) == "42\n43\n"
    assert book.run_code("print(answer)") == "42\n"
    assert "ZeroDivisionError" in book.run(2, fails=True)
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        book.run(2)
    assert book.run(3, fails=True).startswith(
        "n_boot must be a whole number of at least 1, got 0\nValueError in Cell In["
    )
    assert not book.cell(3).get_by_text("raise ValueError").is_visible()
    book.cell(3).get_by_text("Traceback", exact=True).click()
    assert book.cell(3).get_by_text("raise ValueError").is_visible()


def test_an_error_in_the_console_is_noted(notebook):
    book = notebook(["1"])
    book.page.evaluate("console.error('this is wrong')")
    with book.page.expect_event("pageerror"):
        book.page.evaluate("setTimeout(() => { throw new Error('so is this') })")
    noted, book.errors[:] = list(book.errors), []
    assert len(noted) == 2
    assert "this is wrong" in noted[0]
    assert "so is this" in noted[1]


def test_the_browser_draws_webgl2_without_a_graphics_card(notebook):
    assert notebook(["1"]).page.evaluate("!!document.createElement('canvas').getContext('webgl2')")
