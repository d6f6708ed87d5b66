"""Results copied to where the end of their machine does not reach them; a local filesystem stands in for a bucket."""

import contextlib
import itertools
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlencode

import pytest
from pyarrow import fs

from rlhp_ray.errors import ArchiveError, ClusterError, ConfigError
from rlhp_ray.experiment import result_copy
from rlhp_ray.experiment.checkpoint_links import last_checkpoint
from rlhp_ray.experiment.result_copy import ResultCopy
from rlhp_ray.experiment.result_fetch import fetch_results
from rlhp_ray.experiment.run_archive import RunArchive
from rlhp_ray.experiment.storage_address import address_around, address_below, check_destination

MOTO_ATTEMPTS = 60
FILES = ("policy", "reward", "counts")  # of a checkpoint


class GrowingRun:
    """A run directory as training leaves it from checkpoint to checkpoint."""

    def __init__(self, directory: Path) -> None:
        self.archive = RunArchive(directory)
        directory.mkdir(parents=True)
        self.archive.make_folders()
        self.archive.config_file.write_text("seed: 0\n")
        self.database = sqlite3.connect(self.archive.preferences_file, isolation_level=None)
        self.database.execute("PRAGMA journal_mode = WAL")
        self.database.execute("CREATE TABLE answers (number INTEGER)")
        self.number = 0

    def checkpoint(self) -> None:
        """One more answer than before, a checkpoint after it, and the one before deleted, in Tune's order."""
        self.number += 1
        self.database.execute("INSERT INTO answers VALUES (?)", (self.number,))
        with self.archive.metrics_file.open("a") as file:
            file.write(f"{self.number}\n")
        stored = self.archive.directory / "tune" / "session-1" / "trial" / f"checkpoint_{self.number:06d}"
        stored.mkdir(parents=True)
        for name in FILES:
            (stored / name).write_text(str(self.number))
        link = self.archive.checkpoints_dir / "last"
        before = last_checkpoint(self.archive)
        link.unlink(missing_ok=True)
        link.symlink_to(os.path.relpath(stored, link.parent))
        if before is not None:
            shutil.rmtree(before)

    def finish(self) -> None:
        self.archive.summary_file.write_text(json.dumps({"checkpoint": self.number}))


@pytest.fixture
def run(tmp_path: Path) -> GrowingRun:
    return GrowingRun(tmp_path / "run")


@pytest.fixture
def bucket(tmp_path: Path) -> str:
    return f"file://{tmp_path}/bucket/mine"


@pytest.fixture
def s3_bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a bucket at moto, which stands in for Amazon."""
    if (server := shutil.which("moto_server")) is None:
        pytest.skip("needs moto: pip install 'moto[server,s3]'")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    endpoint = {"endpoint_override": f"http://127.0.0.1:{port}", "region": "us-east-1"}
    with (
        (tmp_path / "moto.log").open("wb") as log,
        subprocess.Popen([server, "--host", "127.0.0.1", "--port", str(port)], stdout=log, stderr=log) as moto,
    ):
        try:
            for _ in range(MOTO_ATTEMPTS):
                with contextlib.suppress(OSError):
                    fs.S3FileSystem(**endpoint, allow_bucket_creation=True).create_dir("results")
                    break
                time.sleep(1.0)
            yield f"s3://results/runs?{urlencode(endpoint)}"
        finally:
            moto.terminate()


def test_in_a_bucket_it_is_the_same(run: GrowingRun, s3_bucket: str, tmp_path: Path) -> None:
    copies = ResultCopy(s3_bucket)
    copies.check()
    for number in (1, 2, 3):
        run.checkpoint()
        address = copies.copy(run.archive.directory)
        fetched = fetch_results(address, tmp_path / f"after{number}")
        assert check_fetched(fetched) == number
        assert [path.name for path in fetched.glob("tune/*/trial/*")] == [f"checkpoint_{number:06d}"]
    with pytest.raises(ConfigError, match="holds neither a run nor a sweep"):
        fetch_results(s3_bucket, tmp_path / "other")


def answers(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT count(*) FROM answers").fetchone()[0]


def check_fetched(fetched: Path) -> int:
    """Everything that a run goes on from fits together; gives the number of its checkpoint, 0 without one."""
    archive = RunArchive.open(fetched)
    checkpoint = last_checkpoint(archive)
    if checkpoint is None:
        assert archive.read_summary() is None
        return 0
    assert {path.name for path in checkpoint.iterdir()} == set(FILES), "half a checkpoint was picked up"
    numbers = {int((checkpoint / name).read_text()) for name in FILES}
    assert len(numbers) == 1, "of two checkpoints"
    number = numbers.pop()
    assert answers(archive.preferences_file) >= number, "labels of the checkpoint are missing"
    assert archive.metrics_file.read_text().splitlines()[number - 1] == str(number)
    summary = archive.read_summary()
    assert summary is None or summary["checkpoint"] == number, "done, without its last checkpoint"
    return number


def test_what_was_copied_comes_back_as_the_run_that_it_was(run: GrowingRun, bucket: str, tmp_path: Path) -> None:
    copies = ResultCopy(bucket)
    copies.check()
    assert list((tmp_path / "bucket" / "mine").iterdir()) == [], "the probe was left behind"
    run.checkpoint()
    assert copies.copy(run.archive.directory) == f"{bucket}/run"
    assert check_fetched(fetch_results(f"{bucket}/run/", tmp_path / "other")) == 1
    assert (tmp_path / "other" / "run" / "checkpoints" / "last").is_symlink()


def test_a_later_copy_brings_what_has_changed_and_drops_old_checkpoints(run: GrowingRun, bucket: str, tmp_path) -> None:
    copies = ResultCopy(bucket)
    for number in (1, 2, 3):
        run.checkpoint()
        assert copies.lacks_checkpoint(run.archive.directory)
        copies.copy(run.archive.directory)
        assert not copies.lacks_checkpoint(run.archive.directory)
        assert check_fetched(fetch_results(f"{bucket}/run", tmp_path / f"after{number}")) == number
    run.checkpoint()
    ResultCopy(bucket).copy(run.archive.directory)  # of a later session, which has copied nothing yet
    copied = tmp_path / "bucket" / "mine" / "run"
    assert [path.name for path in copied.glob("tune/*/trial/*")] == ["checkpoint_000004"]


def test_what_has_not_changed_is_not_copied_again(run: GrowingRun, bucket: str, monkeypatch) -> None:
    copies, put = ResultCopy(bucket), []
    run.checkpoint()
    copies.copy(run.archive.directory)
    monkeypatch.setattr(result_copy, "put_whole", lambda filesystem, content, path, partial: put.append(path))
    copies.copy(run.archive.directory)
    assert put == []
    run.database.execute("INSERT INTO answers VALUES (0)")
    copies.copy(run.archive.directory)
    assert [Path(path).name for path in put] == ["preferences.sqlite"]


def test_wherever_copying_is_cut_off_nothing_half_written_is_picked_up(
    run: GrowingRun, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first copy, and one over an earlier copy, end after each of their files, and half-way through the next."""
    run.checkpoint()
    found = [check_cut_off(run, bucket, tmp_path / "first", monkeypatch)]
    ResultCopy(bucket).copy(run.archive.directory)
    run.checkpoint()
    run.finish()
    found.append(check_cut_off(run, bucket, tmp_path / "second", monkeypatch))
    assert found == [{0, 1}, {1, 2}], "each copy is cut off before and after its checkpoint counts"


def check_cut_off(run: GrowingRun, bucket: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """The checkpoints that the copies come back with."""
    place = Path(bucket.removeprefix("file://"))
    found = set()
    for num_files in itertools.count():
        aside = folder / str(num_files)
        shutil.copytree(place, aside) if place.exists() else aside.mkdir(parents=True)
        whole = True
        with monkeypatch.context() as patch:
            patch.setattr(result_copy, "put_whole", cut_off_after(num_files))
            try:
                ResultCopy(f"file://{aside}").copy(run.archive.directory)
            except ClusterError as error:
                assert "was not copied to" in str(error) and "cut off" in str(error)
                whole = False
        if (aside / "run" / "config.yaml").exists():
            found.add(check_fetched(fetch_results(f"file://{aside}/run", folder / f"back{num_files}")))
        if whole:
            return found
    raise AssertionError


def cut_off_after(num_files: int) -> Callable[..., None]:
    left, put = itertools.count(num_files, -1), result_copy.put_whole

    def put_or_fail(filesystem, content, path, partial):
        if next(left) <= 0:
            Path(partial).write_bytes(content.read()[:1])
            raise OSError("cut off")
        put(filesystem, content, path, partial)

    return put_or_fail


def test_a_checkpoint_that_goes_while_it_is_copied_is_left_to_the_next_copy(
    run: GrowingRun, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies, put = ResultCopy(bucket), result_copy.put_whole
    run.checkpoint()
    copies.copy(run.archive.directory)
    run.checkpoint()

    def put_and_store_another(filesystem, content, path, partial):
        put(filesystem, content, path, partial)
        if run.number == 2 and "checkpoint_000002" in path:
            run.checkpoint()
            run.finish()

    monkeypatch.setattr(result_copy, "put_whole", put_and_store_another)
    copies.copy(run.archive.directory)
    assert check_fetched(fetch_results(f"{bucket}/run", tmp_path / "meanwhile")) == 1
    copies.copy(run.archive.directory)
    assert check_fetched(fetch_results(f"{bucket}/run", tmp_path / "later")) == 3


def test_the_runs_of_a_sweep_are_copied_with_it(tmp_path: Path, bucket: str) -> None:
    sweep = tmp_path / "sweep"
    runs = [GrowingRun(sweep / f"seed{seed}") for seed in range(2)]
    (sweep / "sweep.yaml").write_text("trials: []\n")
    runs[1].checkpoint()
    ResultCopy(bucket).copy(sweep)
    fetched = fetch_results(f"{bucket}/sweep", tmp_path / "other")
    assert [check_fetched(fetched / f"seed{seed}") for seed in range(2)] == [0, 1]
    assert (fetched / "sweep.yaml").exists()


def test_options_of_the_storage_stay_behind_its_address() -> None:
    options = "?region=eu-west-1&endpoint_override=http%3A%2F%2Fhere%3A9000"
    below = address_below(f"s3://bucket/runs/{options}", "run")
    assert below == f"s3://bucket/runs/run{options}"
    assert address_around(below) == f"s3://bucket/runs{options}"
    assert (address_below("s3://bucket", "run"), address_around("s3://bucket/run/")) == (
        "s3://bucket/run",
        "s3://bucket",
    )


@pytest.mark.parametrize("uri", ["/srv/results", "bucket", "http://bucket", "s3:///path"])
def test_what_is_no_object_storage(uri: str) -> None:
    with pytest.raises(ConfigError, match=r"--copy-to: got .* expected s3://BUCKET/PATH"):
        ResultCopy(uri)


def test_what_cannot_be_written(tmp_path: Path, run: GrowingRun) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ClusterError, match=r"--copy-to: .* cannot be written: .* expected a bucket that exists"):
        check_destination("--copy-to", f"file://{tmp_path}/file")
    with pytest.raises(ClusterError, match=r"was not copied to .* it is whole where it is"):
        ResultCopy(f"file://{tmp_path}/file").copy(run.archive.directory)


def test_results_are_not_copied_onto_themselves(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"where the results themselves are written; expected another place"):
        ResultCopy(f"file://{tmp_path}").refuse_itself(tmp_path)


def test_nothing_is_brought_over_what_is_there_or_from_where_nothing_is(
    run: GrowingRun, bucket: str, tmp_path: Path
) -> None:
    ResultCopy(bucket).copy(run.archive.directory)
    with pytest.raises(ArchiveError, match=r"run exists and nothing is overwritten; .* rlhp resume .*run"):
        fetch_results(f"{bucket}/run", tmp_path)
    with pytest.raises(ConfigError, match=r"holds neither a run nor a sweep; expected an address"):
        fetch_results(bucket, tmp_path / "other")
    assert not (tmp_path / "other").exists()
