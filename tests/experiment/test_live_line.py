"""One line that is rewritten on a terminal, and printed now and then elsewhere."""

import io

import pytest

from rlhp_ray.experiment.live_line import CLEAR_LINE, LiveLine


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def shown(monkeypatch):
    """What is written to a standard error of this kind when three texts are shown and one is noticed."""

    def show(stream: io.StringIO) -> str:
        monkeypatch.setattr("sys.stderr", stream)
        line = LiveLine()
        line.show("one")
        line.show("two")
        line.notice("mind")
        line.show("three", last=True)
        return stream.getvalue()

    return show


def test_a_terminal_sees_every_text_on_one_line(shown):
    expected = f"{CLEAR_LINE}one{CLEAR_LINE}two{CLEAR_LINE}mind\n{CLEAR_LINE}three\n"
    assert shown(Terminal()) == expected


def test_a_file_gets_the_first_then_one_every_few_seconds_and_the_last(shown):
    assert shown(io.StringIO()) == "one\nmind\nthree\n"
