"""Which export a path means, and where its video goes."""

from pathlib import Path

import pytest

from rlhp_ray.errors import ArchiveError, CheckpointError
from rlhp_ray.replay.checkpoint_location import locate_checkpoint, reserve_video_file


def export(checkpoint: Path) -> Path:
    inference = checkpoint / "inference"
    inference.mkdir(parents=True)
    (inference / "policy.json").write_text("{}")
    return inference


def test_best_is_preferred_and_last_will_do(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").touch()
    last = export(tmp_path / "checkpoints" / "last")
    (tmp_path / "checkpoints" / "best").mkdir()  # begun, not finished
    assert locate_checkpoint(tmp_path).inference_dir == last
    best = export(tmp_path / "checkpoints" / "other")
    (tmp_path / "checkpoints" / "best").rmdir()
    best.parent.rename(tmp_path / "checkpoints" / "best")
    location = locate_checkpoint(tmp_path)
    assert (location.name, location.video_dir, location.has_reward) == ("best", tmp_path / "videos", False)


@pytest.mark.parametrize("inside", ["", "inference"])
def test_a_checkpoint_outside_a_run_gets_its_video_beside_it(tmp_path: Path, inside: str) -> None:
    inference = export(tmp_path / "mine")
    (inference / "reward.json").write_text("{}")
    location = locate_checkpoint(tmp_path / "mine" / inside)
    assert (location.name, location.inference_dir) == ("mine", inference)
    assert location.video_dir == tmp_path and location.has_reward


def test_a_checkpoint_inside_a_run_gets_its_video_in_the_run(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").touch()
    export(tmp_path / "checkpoints" / "last")
    assert locate_checkpoint(tmp_path / "checkpoints" / "last").video_dir == tmp_path / "videos"


def test_a_file_is_no_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "policy.json").write_text("{}")
    with pytest.raises(CheckpointError, match="holds no checkpoint"):
        locate_checkpoint(tmp_path / "policy.json")


def test_names_are_numbered_and_never_shared(tmp_path: Path) -> None:
    files = [reserve_video_file(tmp_path / "new" / "a.mp4") for _ in range(3)]
    assert [file.name for file in files] == ["a.mp4", "a-2.mp4", "a-3.mp4"]


def test_a_folder_that_is_a_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ArchiveError, match="Cannot write the video"):
        reserve_video_file(tmp_path / "file" / "a.mp4")
