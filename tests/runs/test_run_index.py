"""The runs of a directory: those of its sweeps too, damaged ones among the others, and nothing else."""

import pytest

from rlhp_ray.errors import ArchiveError, ConfigError
from rlhp_ray.runs.run_index import open_run, read_index


def test_runs_and_those_of_sweeps_the_newest_first(make_run, runs_dir) -> None:
    make_run("old", started="2026-01-01T00:00:00Z")
    make_run("new", started="2026-03-01T00:00:00Z")
    make_run("seed0", folder=runs_dir / "sw", started="2026-02-01T00:00:00Z")
    make_run("undated", started="once")
    (runs_dir / "sw" / "sweep.yaml").write_text("trials: []\n")
    assert [record.name for record in read_index(runs_dir)] == ["new", "sw/seed0", "old", "undated"]
    assert [record.name for record in read_index(runs_dir / "sw")] == ["sw/seed0"]


def test_damaged_runs_stand_among_the_others(make_run, runs_dir) -> None:
    make_run("good")
    (make_run("bad") / "summary.json").write_text("{")
    assert {record.name: record.status for record in read_index(runs_dir)} == {"good": "done", "bad": "damaged"}


def test_what_is_no_run_is_left_out(make_run, runs_dir) -> None:
    make_run("good")
    make_run("inside", folder=runs_dir / "somebody" / "deeper")
    make_run("hidden", folder=runs_dir / ".trash")
    make_run(".hidden")
    (runs_dir / "note.txt").write_text("")
    (runs_dir / "broken-link").symlink_to(runs_dir / "nowhere")
    piece = runs_dir / "piece"
    piece.mkdir()
    (piece / "settings.yaml").write_text("seed: 3\n")
    assert [record.name for record in read_index(runs_dir)] == ["good"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("nowhere", "does not exist; expected a directory that holds runs"), ("file", "is a file"), ("run", "is a run")],
)
def test_a_directory_without_an_index_is_refused(make_run, runs_dir, name, expected) -> None:
    make_run("run")
    (runs_dir / "file").write_text("")
    with pytest.raises(ConfigError, match=expected):
        read_index(runs_dir / name)


def test_opening_one_run(make_run, runs_dir) -> None:
    make_run("seed0", folder=runs_dir / "sw")
    (runs_dir / "sw" / "sweep.yaml").write_text("")
    assert open_run(runs_dir / "sw" / "seed0").name == "sw/seed0"
    with pytest.raises(ArchiveError, match="is a sweep, expected a run"):
        open_run(runs_dir / "sw")
    with pytest.raises(ArchiveError, match=r"is not a run: it lacks config\.yaml"):
        open_run(runs_dir)
