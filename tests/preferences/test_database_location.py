"""The preferences of a run are found wherever they are: with the run, or with its sweep."""

from pathlib import Path

import pytest

from rlhp_ray.preferences.database_location import preferences_directory
from rlhp_ray.preferences.preference_store import PreferenceStore
from rlhp_ray.preferences.source_location import open_source


@pytest.fixture
def sweep(tmp_path, vector_subject) -> Path:
    """A sweep of two runs that share their preferences."""
    for name in ("seed0", "seed1"):
        (tmp_path / "sweep" / name).mkdir(parents=True)
        (tmp_path / "sweep" / name / "config.yaml").touch()
    (tmp_path / "sweep" / "sweep.yaml").touch()
    PreferenceStore(tmp_path / "sweep" / "preferences.sqlite", vector_subject.to_metadata()).close()
    return tmp_path / "sweep"


def test_those_of_a_shared_sweep_are_those_of_its_runs(sweep, monkeypatch):
    assert preferences_directory(sweep) == preferences_directory(sweep / "seed0") == sweep
    for path in (sweep, sweep / "seed1"):
        with open_source(path) as source:
            assert source.path == sweep / "preferences.sqlite"
    monkeypatch.chdir(sweep / "seed0")
    assert preferences_directory(Path(".")) == sweep


@pytest.mark.parametrize("own", ["preferences.sqlite", "labelling.sqlite"])
def test_those_of_a_run_that_has_its_own_are_its_own(sweep, own):
    (sweep / "seed0" / own).touch()
    assert preferences_directory(sweep / "seed0") == sweep / "seed0"


@pytest.mark.parametrize("missing", ["sweep.yaml", "preferences.sqlite", "seed0/config.yaml"])
def test_what_only_lies_beside_some_is_taken_for_nothing(sweep, missing):
    (sweep / missing).unlink()
    assert preferences_directory(sweep / "seed0") == sweep / "seed0"


def test_a_queue_alone_is_enough(sweep):
    (sweep / "preferences.sqlite").rename(sweep / "labelling.sqlite")
    assert preferences_directory(sweep / "seed0") == sweep
