"""The index as a page: complete, escaped, and without anything from elsewhere."""

import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from rlhp_ray.errors import ConfigError
from rlhp_ray.runs.notes import add_note
from rlhp_ray.runs.run_index import open_run, read_index
from rlhp_ray.runs.run_page import write_page

NOW = datetime(2026, 2, 1, tzinfo=UTC)
VOID = {"meta", "input"}
HOSTILE = "<script>alert('x')</script>\"&"


class Page(HTMLParser):
    """Tags with their attributes, cells of the table, and whether every element was closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.rows, self._open = [], [], []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if {"td", "th"} & set(self._open):
            self.rows[-1][-1] += data


def written(runs_dir) -> Page:
    file = runs_dir / "runs.html"
    write_page(file, read_index(runs_dir), NOW, str(runs_dir))
    return Page(file.read_text())


def test_a_row_a_run_with_expectation_and_notes_beside_the_result(make_run, runs_dir) -> None:
    directory = make_run("first", config={"question": "Is it so?", "expect": "It is."})
    add_note(open_run(directory).archive, "it was")
    heading, row = written(runs_dir).rows
    assert len(heading) == len(row)
    assert dict(zip(heading, row, strict=True))["return"] == "-211.7"
    assert re.fullmatch(r"Is it so\?expected: It is\.\S+  it was", row[heading.index("question")])


def test_everything_that_a_user_wrote_is_escaped(make_run, runs_dir) -> None:
    directory = make_run("first", env=HOSTILE, config={"env": {"id": "x"}, "question": HOSTILE, "expect": HOSTILE})
    add_note(open_run(directory).archive, HOSTILE)
    make_run("a <b>'\"& run", status=HOSTILE, labels=HOSTILE)
    page = written(runs_dir)
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert sum(HOSTILE in cell for row in page.rows for cell in row) == 4


def test_nothing_comes_from_elsewhere(make_run, runs_dir) -> None:
    (make_run("first") / "learning_curve.png").write_bytes(b"")
    page = written(runs_dir)
    links = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    assert links == ["first/learning_curve.png", "first/config.yaml"]
    assert not any("src" in attributes for _, attributes in page.tags)
    assert {tag for tag, _ in page.tags}.isdisjoint({"link", "img", "iframe"})
    policy = next(attributes for tag, attributes in page.tags if "http-equiv" in attributes)["content"]
    assert policy.startswith("default-src 'none';")
    assert "http:" not in (runs_dir / "runs.html").read_text() and "https:" not in (runs_dir / "runs.html").read_text()


def test_links_with_odd_names_lead_to_the_files(make_run, runs_dir) -> None:
    make_run("50% #1: ü?")
    link = next(attributes["href"] for tag, attributes in written(runs_dir).tags if tag == "a")
    assert link == "50%25%20%231%3A%20%C3%BC%3F/config.yaml"


def test_numbers_are_sorted_as_numbers(make_run, runs_dir) -> None:
    make_run("first", labels=1200, true_return_mean=None)
    values = [attributes["data-value"] for _, attributes in written(runs_dir).tags if "data-value" in attributes]
    assert values[1:3] == ["1200", ""]


def test_damaged_runs_say_why(make_run, runs_dir) -> None:
    (make_run("first") / "summary.json").write_text("{")
    assert "damaged: summary.json cannot be read" in written(runs_dir).rows[1][12]


def test_an_older_page_is_replaced_and_nothing_else(make_run, runs_dir) -> None:
    make_run("first")
    written(runs_dir)
    make_run("second")
    assert len(written(runs_dir).rows) == 3
    (runs_dir / "runs.html").write_text("<p>my own</p>")
    with pytest.raises(ConfigError, match="exists and is no index of runs; it is left alone"):
        written(runs_dir)
    assert (runs_dir / "runs.html").read_text() == "<p>my own</p>"
    with pytest.raises(ConfigError, match="expected a file in a directory that exists"):
        write_page(runs_dir / "no" / "where.html", [], NOW, "runs")
