"""The page: complete, escaped, with everything inside it, and damaged runs beside whole ones."""

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from rlhp_ray.report import videos

VOID = {"meta", "img", "br"}
HOSTILE = "<script>alert('x')</script>\"&$x^$"
FIGURES = {
    "Learning curves", "Return against labels", "Predicted and true return over time",
    "Predicted against true return of clips", "Validation accuracy of the reward", "Calibration of the reward",
    "Ensemble spread", "Policy entropy", "Time per stage", "Memory", "Clips, queries and fit lag", "Cost",
}  # fmt: skip


class Page(HTMLParser):
    """Tags with their attributes, the text of each element, and whether every element was closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.texts, self._open = [], [], []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.texts.append((self._open[-1] if self._open else "", data))

    def of(self, tag: str) -> list[str]:
        return [text for element, text in self.texts if element == tag]

    def attributes(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def all_text(self) -> str:
        return "".join(text for element, text in self.texts if element != "style")


def test_every_figure_is_inside_with_its_words(make_run, write):
    for seed in range(3):
        make_run(f"seed{seed}", seed=seed, final=90.0 + seed)
    page = Page(write())
    assert set(page.of("h3")) >= FIGURES
    images = page.attributes("img")
    assert len(images) == len(FIGURES)
    for image in images:
        assert image["src"].startswith("data:image/png;base64,")
        picture = Image.open(io.BytesIO(base64.b64decode(image["src"].partition(",")[2])))
        assert picture.width == 960 and len(np.unique(np.asarray(picture.convert("L")))) > 10
        assert len(image["alt"]) > 30 and "A: " in image["alt"]
    assert len(page.attributes("table")) >= len(FIGURES) + 2


@pytest.mark.usefixtures("blank_pictures")
def test_the_answer_stands_first(make_run, write):
    for seed in range(3):
        make_run(f"seed{seed}", seed=seed, final=90.0 + seed, config={"question": "Is it so?", "expect": "It is."})
    text = write()
    first = Page(text[: text.index("<h2")] + "</section></body></html>").all_text
    for told in (
        "yes",
        "91.0 (88.5 to 93.5)",
        "3",
        "0.75 CPU-hours",
        "1.50 EUR",
        "at most 1.0 GB",
        "Is it so?",
        "expected: It is.",
    ):
        assert told in first
    assert re.search(r"made 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC", first)


def test_nothing_comes_from_elsewhere(make_run, write):
    make_run("first")
    text = write()
    page = Page(text)
    policy = next(meta["content"] for meta in page.attributes("meta") if meta.get("http-equiv"))
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:"
    assert not re.search(r"https?:", text) and "url(" not in text
    assert {tag for tag, _ in page.tags}.isdisjoint({"link", "script", "iframe", "object", "a"})
    sources = [attributes["src"] for _, attributes in page.tags if "src" in attributes]
    assert sources and all(source.startswith("data:") for source in sources)
    assert not any(meta.get("http-equiv") == "refresh" for meta in page.attributes("meta"))


def test_pictures_lie_beside_the_page(make_run, write, runs_dir):
    make_run("first", env="ALE/Pong-v5")
    write()
    names = {file.name for file in (runs_dir / "report").iterdir()}
    assert len(names) == len(FIGURES) and "ALE-Pong-v5-learning.png" in names


@pytest.mark.usefixtures("blank_pictures")
def test_everything_that_a_user_wrote_is_escaped(make_run, write):
    make_run(HOSTILE.replace("/", ""), env=HOSTILE, config={"question": HOSTILE, "expect": HOSTILE})
    (make_run("other", env=HOSTILE, config={"teacher": {"callable": "a:<b>$x^$"}}) / "notes.md").write_text(HOSTILE)
    page = Page(write())
    assert "script" not in {tag for tag, _ in page.tags} and "b" not in {tag for tag, _ in page.tags}
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert page.all_text.count(HOSTILE) >= 5
    assert "Report: the <title>" in page.of("title")


@pytest.mark.usefixtures("blank_pictures")
def test_environments_are_grouped_and_never_averaged_together(make_run, write):
    make_run("a", env="Acrobot-v1", final=-100.0)
    make_run("p", env="Pendulum-v1", final=300.0)
    page = Page(write())
    assert page.of("h2") == ["Acrobot-v1", "Pendulum-v1"]
    assert "-100.0" in page.all_text and "300.0" in page.all_text
    assert not re.search(r"\b100\.0\b(?<!-100\.0)", page.all_text), "the mean of both"


@pytest.mark.usefixtures("blank_pictures")
def test_a_damaged_run_is_listed_and_the_others_are_shown(make_run, write):
    make_run("whole")
    (make_run("broken") / "summary.json").write_text("{")
    (make_run("cut") / "config.yaml").write_text("env: [")
    page = Page(write())
    assert any(text.startswith("broken: summary.json cannot be read") for text in page.of("li"))
    assert any(text.startswith("cut: config.yaml is no YAML") for text in page.of("li"))
    assert page.of("h2") == ["Pendulum-v1"]
    assert len(page.attributes("img")) == len(FIGURES)


@pytest.mark.usefixtures("blank_pictures")
def test_only_damaged_runs_are_a_page_too(make_run, write):
    (make_run("broken") / "summary.json").write_text("{")
    assert "No run could be read." in Page(write()).all_text


@pytest.mark.usefixtures("blank_pictures")
def test_damaged_diagnostics_leave_the_rest_of_a_run(make_run, write):
    (make_run("run") / "diagnostics.json").write_text("{")
    page = Page(write())
    assert "diagnostics.json is damaged" in page.all_text
    assert set(page.of("h3")) >= FIGURES - {"Predicted against true return of clips", "Calibration of the reward"}


@pytest.mark.usefixtures("blank_pictures")
def test_runs_with_next_to_nothing_are_shown(make_run, write, runs_dir):
    (make_run("early", summary=False) / "metrics.csv").unlink()
    text = Page(write()).all_text
    assert "no result yet" in text and "no metrics.csv" in text
    (runs_dir / "early" / "metrics.csv").write_text("env_steps,true_return_mean\n")
    assert "no result yet" in Page(write()).all_text


def test_a_run_too_short_for_a_training_episode_shows_its_evaluations(make_run, write):
    file = make_run("short") / "metrics.csv"
    file.write_text(file.read_text().replace("true_return_mean,", "elsewhere,", 1))
    page = Page(write())
    assert "Learning curves" in page.of("h3") and "cannot be told" in page.all_text
    assert any(caption.startswith("Mean true return of evaluations.") for caption in page.of("figcaption"))


def test_a_baseline_alone_has_no_predictor(make_run, write):
    make_run("base", config={"reward_source": "true_reward"})
    headings = set(Page(write()).of("h3"))
    assert "Learning curves" in headings and "Calibration of the reward" not in headings


@pytest.mark.usefixtures("blank_pictures")
@pytest.mark.parametrize(
    ("entropy", "words"),
    [
        (np.concatenate([np.linspace(1.6, 0.02, 10), np.full(10, 0.01)]), "collapsed to near zero"),
        (np.full(20, 0.7), "a plateau that never falls"),
    ],
)
def test_failure_shapes_of_entropy_stand_out(make_run, write, entropy, words):
    make_run("sick", entropy=entropy)
    make_run("healthy", seed=1)
    found = [text for text in Page(write()).of("li") if words in text]
    assert len(found) == 1 and found[0].startswith("sick: ")


@pytest.mark.usefixtures("blank_pictures")
def test_small_videos_are_inside_and_large_ones_are_linked_and_said(make_run, write, monkeypatch):
    make_run("first", seed=1)
    make_run("second", seed=2)
    page = Page(write())
    videos_inside = [video["src"] for video in page.attributes("video")]
    assert [base64.b64decode(source.partition(",")[2]) for source in videos_inside] == [
        b"video of first",
        b"video of second",
    ]
    assert "They are part of this page." in page.all_text
    monkeypatch.setattr(videos, "MAX_INLINED_BYTES", len(b"video of first") + 3)
    page = Page(write())
    assert len(page.attributes("video")) == 1
    assert [link["href"] for link in page.attributes("a")] == ["second/videos/trained-agent.mp4"]
    assert "1 of them is too large for this page, and only linked." in page.all_text


@pytest.mark.usefixtures("blank_pictures")
def test_more_settings_than_a_figure_can_hold_are_in_the_tables(make_run, write):
    for labels in range(100, 110):
        make_run(f"labels{labels}", config={"preferences": {"labels": labels}})
    page = Page(write())
    assert "Figures and pairs show the first 8 of 10 settings; the other tables hold all of them." in page.all_text
    assert "J: labels=109" in page.all_text
