"""One bar for what a person waits for."""

import threading

import pytest

from genolab import waiting
from genolab.waiting import bar, progress


def test_what_is_done_within_a_second_shows_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress(range(3), "Counting")) == [0, 1, 2]
    assert capsys.readouterr().err == ""


def test_there_is_one_bar_and_what_is_within_are_words_at_its_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "_SECONDS_BETWEEN", 0.0)
    with bar("Networks", 2, delay=0) as shown:
        for epoch in progress(range(3), "Epochs"):
            assert epoch < 2 or "epochs 2 of 3" in str(shown)
        shown.update()
    assert not waiting.is_shown()
    lines = capsys.readouterr().err.split("\r")
    assert {line.split(":")[0] for line in lines if line} == {"Networks"}
    assert lines[-1].startswith("Networks:  50%")
    assert "epochs" not in lines[-1]


def test_a_loop_that_is_left_takes_its_bar_away_and_another_thread_shows_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with bar("First", 3, delay=0):
        pass
    for _ in progress(range(3), "Left"):
        break
    assert not waiting.is_shown()
    capsys.readouterr()
    thread = threading.Thread(target=lambda: list(progress(range(3), "Unseen")))
    with bar("Seen", 1, delay=0) as seen:
        thread.start()
        thread.join()
        assert "unseen" not in str(seen)
