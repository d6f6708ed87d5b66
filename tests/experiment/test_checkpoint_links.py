"""Links to the last and the best checkpoint, over the sessions of a run."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from rlhp_ray import metric_keys as keys
from rlhp_ray.experiment.checkpoint_links import CheckpointLinks, last_checkpoint
from rlhp_ray.experiment.run_archive import RunArchive


@pytest.fixture
def archive(tmp_path: Path) -> RunArchive:
    (tmp_path / "checkpoints").mkdir()
    return RunArchive(tmp_path)


def store(archive: RunArchive, links: CheckpointLinks, session: int, number: int, true_return: float | None) -> Path:
    """A checkpoint of a session, as Tune tells of it."""
    directory = archive.directory / "tune" / f"session-{session}" / "trial" / f"checkpoint_{number:06}"
    directory.mkdir(parents=True)
    (directory / "weights").touch()
    metrics = {} if true_return is None else {keys.EVALUATION_RETURN: true_return}
    links.on_trial_result(0, [], None, {keys.METRICS: metrics})
    links.on_checkpoint(0, [], None, SimpleNamespace(path=str(directory)))
    return directory


def left(archive: RunArchive) -> list[str]:
    return sorted("/".join(path.parts[-3::2]) for path in archive.directory.glob("tune/*/trial/checkpoint_*"))


def test_the_best_is_the_highest_evaluation_and_the_last_the_newest(archive):
    links = CheckpointLinks(archive, -float("inf"))
    stored = [store(archive, links, 1, number, value) for number, value in enumerate((3.0, 9.0, None, 4.0))]
    assert last_checkpoint(archive) == stored[3]
    assert (archive.checkpoints_dir / "best").resolve() == stored[1]
    assert not os.path.isabs(os.readlink(archive.checkpoints_dir / "last")), "the run can be moved"


def test_what_earlier_sessions_left_goes_once_nothing_points_at_it(archive):
    first = CheckpointLinks(archive, -float("inf"))
    for number, value in enumerate((9.0, 3.0, 4.0)):
        store(archive, first, 1, number, value)
    second = CheckpointLinks(archive, 9.0)
    store(archive, second, 2, 0, 5.0)
    assert left(archive) == ["session-1/checkpoint_000000", "session-2/checkpoint_000000"]  # best and last
    store(archive, second, 2, 1, 10.0)
    assert left(archive) == ["session-2/checkpoint_000000", "session-2/checkpoint_000001"], "Tune's own are Tune's"
