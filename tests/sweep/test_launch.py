"""Directories of a sweep's trials, as a later session finds them."""

from pathlib import Path

import pytest

from rlhp_ray.config.loading import load_config
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.errors import ArchiveError
from rlhp_ray.sweep.launch import _open_run


@pytest.fixture
def config() -> RunConfig:
    return load_config("pendulum")


def test_a_directory_that_a_killed_process_had_not_finished_is_made_anew(tmp_path: Path, config: RunConfig) -> None:
    (tmp_path / "seed0" / "code").mkdir(parents=True)
    (tmp_path / "seed0" / "command.txt").write_text("half\n")
    archive, _ = _open_run(tmp_path, config, "seed0", "rlhp resume sweep")
    assert archive.config_file.exists() and "half" not in archive.command_file.read_text()


def test_one_of_an_earlier_session_is_gone_on_with(tmp_path: Path, config: RunConfig) -> None:
    for command in ("rlhp sweep", "rlhp resume sweep"):
        archive, _ = _open_run(tmp_path, config, "seed0", command)
    assert [line.partition("  ")[2] for line in archive.command_file.read_text().splitlines()] == [
        "rlhp sweep",
        "rlhp resume sweep",
    ]


def test_one_that_was_trained_and_lost_its_configuration_is_not_thrown_away(tmp_path: Path, config: RunConfig) -> None:
    archive, _ = _open_run(tmp_path, config, "seed0", "rlhp sweep")
    archive.metrics_file.write_text("env_steps\n100\n")
    archive.config_file.unlink()
    with pytest.raises(ArchiveError, match=r"holds no config\.yaml"):
        _open_run(tmp_path, config, "seed0", "rlhp resume sweep")
    assert archive.metrics_file.exists()
