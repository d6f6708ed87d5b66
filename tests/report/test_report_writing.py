"""Where a report goes, what it replaces, what is read again, and how it follows runs that go on."""

import pytest

from rlhp_ray.errors import ArchiveError, ConfigError
from rlhp_ray.experiment.session_lock import session_lock
from rlhp_ray.report import report_writing, run_collection
from rlhp_ray.report.report_writing import ReportWriter, report_folder
from rlhp_ray.report.run_collection import RunCollection
from rlhp_ray.report.watching import watch

pytestmark = pytest.mark.usefixtures("blank_pictures")


def test_a_report_about_one_directory_goes_into_it_and_about_several_around_them(make_run, runs_dir, tmp_path):
    first, second = make_run("first"), make_run("second")
    assert report_folder([first], None) == first
    assert report_folder([first, second], None) == runs_dir
    assert report_folder([first, first], None) == first
    assert report_folder([first], tmp_path / "a" / "b") == tmp_path / "a" / "b"
    with pytest.raises(ConfigError, match=r"the runs lie in different directories.*add --output DIR"):
        report_folder([first, make_run("third", folder=tmp_path)], None)
    with pytest.raises(ConfigError, match=r"--output: .* is a file; expected a directory"):
        report_folder([first], first / "config.yaml")


def test_only_a_report_is_replaced(make_run, write, runs_dir):
    make_run("first")
    write()
    write()
    (runs_dir / "report.html").write_text("<p>my own</p>")
    with pytest.raises(ConfigError, match="exists and is no report; it is left alone"):
        write()
    assert (runs_dir / "report.html").read_text() == "<p>my own</p>"


def test_runs_are_found_in_sweeps_and_each_once(make_run, runs_dir):
    first = make_run("first")
    sweep = runs_dir / "sweep"
    make_run("seed0", folder=sweep)
    (sweep / "sweep.yaml").write_text("format_version: 1\n")
    found = RunCollection([runs_dir, first, sweep]).collect()
    assert sorted(run.name for run in found.runs) == ["first", "sweep/seed0"]


def test_a_threshold_is_of_one_environment(make_run, runs_dir):
    make_run("first", env="Acrobot-v1")
    make_run("second", env="Pendulum-v1")
    writer = ReportWriter(RunCollection([runs_dir]), runs_dir, "runs", threshold=-100.0)
    with pytest.raises(ConfigError, match=r"--threshold: .* the runs are of 2: Acrobot-v1, Pendulum-v1; report each"):
        writer.write()
    assert not writer.file.exists()


def test_nothing_to_report_is_one_clear_error(make_run, runs_dir):
    with pytest.raises(ArchiveError, match=r"nothing to report: .* holds no run; expected directories of runs"):
        RunCollection([runs_dir]).collect()
    with pytest.raises(ArchiveError, match=r"config.yaml is a file; expected the directory of a run or a sweep"):
        RunCollection([make_run("first") / "config.yaml"]).collect()


def test_only_what_changed_is_read_and_drawn_again(make_run, runs_dir, monkeypatch):
    read, drawn = [], []
    read_run, draw = run_collection.read_report_run, report_writing.draw_all
    monkeypatch.setattr(run_collection, "read_report_run", lambda record: read.append(record.name) or read_run(record))
    monkeypatch.setattr(report_writing, "draw_all", lambda group: drawn.append(group.env) or draw(group))
    make_run("first", env="Acrobot-v1")
    second = make_run("second", env="Pendulum-v1")
    writer = ReportWriter(RunCollection([runs_dir]), runs_dir, "runs")
    writer.write()
    writer.write()
    assert (sorted(read), sorted(drawn)) == (["first", "second"], ["Acrobot-v1", "Pendulum-v1"])
    with (second / "metrics.csv").open("a") as file:
        file.write("\n")
    writer.write()
    assert (read[2:], drawn[2:]) == (["second"], ["Pendulum-v1"])


def test_watching_ends_when_no_run_goes_on(make_run, runs_dir):
    directory = make_run("first", summary=False)
    writer = ReportWriter(RunCollection([runs_dir]), runs_dir, "runs")
    lock, pages, told = session_lock(directory), [], []
    lock.__enter__()

    def sleep(seconds):
        assert seconds >= 5
        pages.append(writer.file.read_text())
        if len(pages) == 2:
            lock.__exit__(None, None, None)

    watch(writer, told.append, sleep)
    assert len(pages) == 2
    assert all('http-equiv="refresh"' in page and "this page follows them" in page for page in pages)
    assert 'http-equiv="refresh"' not in writer.file.read_text()
    assert told == ["no run goes on"]


def test_a_watch_that_is_interrupted_leaves_a_page_that_stands_still(make_run, runs_dir):
    directory = make_run("first", summary=False)
    writer = ReportWriter(RunCollection([runs_dir]), runs_dir, "runs")

    def interrupted(seconds):
        assert 'http-equiv="refresh"' in writer.file.read_text()
        raise KeyboardInterrupt

    with session_lock(directory), pytest.raises(KeyboardInterrupt):
        watch(writer, print, interrupted)
    assert 'http-equiv="refresh"' not in writer.file.read_text()
