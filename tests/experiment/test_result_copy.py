"""Results copied to where the cluster's end does not reach them; pyarrow's local filesystem stands in for a bucket."""

import os
from pathlib import Path

import pytest

from rlhp_ray.cluster.result_copy import check_destination, copy_results
from rlhp_ray.errors import ClusterError, ConfigError


def sweep_directory(folder: Path) -> Path:
    sweep = folder / "sweep"
    (sweep / "seed0" / "tune" / "checkpoint").mkdir(parents=True)
    (sweep / "results.csv").write_text("trial\n")
    (sweep / "seed0" / "tune" / "checkpoint" / "state").write_text("weights")
    os.symlink("tune/checkpoint", sweep / "seed0" / "last")
    return sweep


def test_every_file_is_copied_and_links_become_what_they_mean(tmp_path: Path) -> None:
    bucket = f"file://{tmp_path}/bucket/mine"
    check_destination(bucket)
    assert list((tmp_path / "bucket" / "mine").iterdir()) == [], "the probe was left behind"
    assert copy_results(sweep_directory(tmp_path), bucket) == f"{bucket}/sweep"
    copied = tmp_path / "bucket" / "mine" / "sweep"
    assert (copied / "results.csv").read_text() == "trial\n"
    assert (copied / "seed0" / "last" / "state").read_text() == "weights"


def test_a_later_copy_replaces_what_has_changed(tmp_path: Path) -> None:
    sweep, bucket = sweep_directory(tmp_path), f"file://{tmp_path}/bucket"
    copy_results(sweep, bucket)
    (sweep / "results.csv").write_text("trial\nseed0\n")
    copy_results(sweep, bucket)
    assert (tmp_path / "bucket" / "sweep" / "results.csv").read_text() == "trial\nseed0\n"


@pytest.mark.parametrize("uri", ["/srv/results", "bucket", "http://bucket", "s3:///path"])
def test_what_is_no_object_storage(uri: str) -> None:
    with pytest.raises(ConfigError, match=r"--copy-to: got .* expected s3://BUCKET/PATH"):
        check_destination(uri)


def test_what_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ClusterError, match=r"cannot be written: .* expected a bucket that exists"):
        check_destination(f"file://{tmp_path}/file")
    with pytest.raises(ClusterError, match=r"was not copied to .* it is whole where it is"):
        copy_results(sweep_directory(tmp_path), f"file://{tmp_path}/file")
