"""Deleting runs: what is freed, and what is refused."""

import pytest

from rlhp_ray.errors import ArchiveError
from rlhp_ray.experiment.session_lock import session_lock
from rlhp_ray.runs.deletion import delete_run, freed_table, runs_to_delete


def test_what_is_freed_is_said_and_then_freed(make_run, runs_dir) -> None:
    first, second = make_run("first"), make_run("second", status="failed")
    before = freed_table(runs_to_delete([first]))[1]
    (first / "checkpoints").mkdir()
    (first / "checkpoints" / "weights").write_bytes(b"\0" * 2_000_000)
    (first / "link").symlink_to(second)  # counted as a link, and not followed
    records = runs_to_delete([first, second, first])
    assert [record.name for record in records] == ["first", "second"]
    table, size = freed_table(records)
    assert 2_000_000 <= freed_table(records[:1])[1] - before < 2_001_000
    assert size > 2_000_000
    assert "2.0 MB" in table and "(failed, 200 labels)" in table
    delete_run(records[0])
    assert [path.name for path in runs_dir.iterdir()] == ["second"]
    assert (second / "summary.json").is_file()


def test_a_damaged_run_can_be_deleted(make_run, runs_dir) -> None:
    directory = make_run("first")
    (directory / "config.yaml").unlink()
    delete_run(runs_to_delete([directory])[0])
    assert list(runs_dir.iterdir()) == []


def test_what_is_no_run_is_refused(make_run, runs_dir, tmp_path) -> None:
    first = make_run("first")
    (tmp_path / "thesis").mkdir()
    with pytest.raises(ArchiveError, match="is not a run"):
        runs_to_delete([first, tmp_path / "thesis"])
    (runs_dir / "link").symlink_to(first)
    with pytest.raises(ArchiveError, match="is a link, expected the directory of a run"):
        runs_to_delete([runs_dir / "link"])
    (runs_dir / "sweep.yaml").write_text("")
    with pytest.raises(ArchiveError, match="is a sweep, expected a run"):
        runs_to_delete([runs_dir])
    assert first.is_dir()


def test_a_running_run_is_refused_also_one_that_was_started_meanwhile(make_run) -> None:
    first = make_run("first")
    (record,) = runs_to_delete([first])
    with session_lock(first):
        with pytest.raises(ArchiveError, match="is running, or its sweep is"):
            runs_to_delete([first])
        with pytest.raises(ArchiveError, match="has been started meanwhile"):
            delete_run(record)
    assert (first / "summary.json").is_file()


def test_labels_that_stay_with_the_sweep_are_said_to_stay(make_run, runs_dir) -> None:
    sweep = runs_dir / "sweep"
    run = make_run("seed0", folder=sweep)
    (sweep / "sweep.yaml").touch()
    assert "(done, 200 labels)" in freed_table(runs_to_delete([run]))[0]
    (sweep / "preferences.sqlite").touch()
    records = runs_to_delete([run])
    assert f"(done, 200 labels, which stay in {sweep})" in freed_table(records)[0]
    delete_run(records[0])
    assert (sweep / "preferences.sqlite").exists()
