"""The run directory: what is filed, what is refused, and what never gets in."""

import errno
import json
import os
import subprocess
import sys
import threading
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest

from rlhp_ray.config.price_table import PriceTable, read_prices
from rlhp_ray.errors import ArchiveError, ConfigError
from rlhp_ray.experiment import archive_files, console_log, provenance, run_archive
from rlhp_ray.experiment.console_log import ConsoleLog
from rlhp_ray.experiment.provenance import mask_secrets
from rlhp_ray.experiment.run_archive import RunArchive


def create(output_dir: Path, name: str | None = None, **other: str | None) -> RunArchive:
    given = {"default_stem": "pendulum-3", "config_yaml": "seed: 3\n", "command": "rlhp train pendulum"} | other
    return RunArchive.create(
        output_dir, name, question=given.pop("question", None), expect=given.pop("expect", None), **given
    )


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    return subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def test_layout(tmp_path: Path) -> None:
    archive = create(tmp_path / "new" / "runs", question="Does it learn?", expect="Yes.")
    names = {file.name for file in archive.directory.iterdir()}
    files = {"config.yaml", "command.txt", "question.md", "versions.txt", "hardware.json"}
    assert names == files | {"code", "tensorboard", "checkpoints", "videos"}
    assert archive.read_config_text() == "seed: 3\n"
    assert archive.question_file.read_text() == "# Question\n\nDoes it learn?\n\n# What is expected\n\nYes.\n"
    assert f"numpy=={np.__version__}" in archive.versions_file.read_text().splitlines()
    hardware = json.loads(archive.hardware_file.read_text())
    assert hardware["cores_usable"] >= 1 and hardware["ram_bytes"] > 10**8 and hardware["cpu_model"]
    assert os.uname().nodename not in archive.hardware_file.read_text()
    assert archive.code_dir.joinpath("commit.txt").read_text().strip()


def test_environment_variables_are_not_archived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "hunter" * 3  # not spelt out: the archived diff may hold this file
    monkeypatch.setenv("SOME_SERVICE_KEY", secret)
    archive = create(tmp_path)
    for file in archive.directory.rglob("*"):
        assert file.is_dir() or secret.encode() not in file.read_bytes(), file


def test_no_question_no_file(tmp_path: Path) -> None:
    assert not create(tmp_path).question_file.exists()


def test_default_names_are_unique_and_safe(tmp_path: Path) -> None:
    names = {create(tmp_path, default_stem="my config/v2").directory.name for _ in range(3)}
    assert len(names) == 3 and all(name.startswith("my-config-v2-") for name in names)


def test_an_explicit_name_that_exists_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    with pytest.raises(ConfigError, match=r"mine exists and is left alone.*rlhp resume"):
        create(tmp_path, "mine")
    assert [file.name for file in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", " a", "a\nb"])
def test_names_that_are_paths_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="not a plain directory name"):
        create(tmp_path / "runs", name)
    assert not (tmp_path / "runs").exists()


def test_too_little_disk_space_states_both_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(archive_files.shutil, "disk_usage", lambda path: usage(10**9, 10**9 - 3_000_000, 3_000_000))
    with pytest.raises(ArchiveError, match="3 MB free, at least 200 MB"):
        create(tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_disk_that_fills_up_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "earlier").mkdir()
    monkeypatch.setattr(archive_files.os, "fsync", full)
    with pytest.raises(ArchiveError, match="No space left on device"):
        create(tmp_path, "mine")
    assert [file.name for file in tmp_path.iterdir()] == ["earlier"]
    with pytest.raises(ArchiveError):
        create(tmp_path / "a" / "b")
    assert not (tmp_path / "a").exists()


def test_an_interrupt_while_filing_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: object, **named: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run_archive, "archive_code", interrupted)
    with pytest.raises(KeyboardInterrupt):
        create(tmp_path, "mine")
    assert list(tmp_path.iterdir()) == []


def test_an_output_dir_that_is_a_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(ArchiveError, match=r"Cannot write the run archive at .*runs"):
        create(tmp_path / "runs")
    assert (tmp_path / "runs").read_text() == "a file"


def test_open_says_what_it_looked_for(tmp_path: Path) -> None:
    archive = create(tmp_path, "mine")
    assert RunArchive.open(archive.directory) == archive
    with pytest.raises(ArchiveError, match="does not exist"):
        RunArchive.open(tmp_path / "nowhere")
    with pytest.raises(ArchiveError, match="is a file"):
        RunArchive.open(archive.config_file)
    with pytest.raises(ArchiveError, match=r"holds no config\.yaml\.$"):
        RunArchive.open(tmp_path)
    with pytest.raises(ArchiveError, match=f"Did you mean the run around it, {archive.directory}"):
        RunArchive.open(archive.checkpoints_dir)


def test_commands_are_one_line_each(tmp_path: Path) -> None:
    archive = create(tmp_path, command="rlhp train pendulum 'question=a\nb'")
    archive.append_command("rlhp resume RUN token=abc")
    first, second = archive.command_file.read_text().splitlines()
    assert first.endswith(r"Z  rlhp train pendulum 'question=a\nb'")
    assert second.endswith("Z  rlhp resume RUN token=***")


@pytest.mark.parametrize(
    ("command", "masked"),
    [
        ("rlhp train a seed=3 reward.members=3", "rlhp train a seed=3 reward.members=3"),
        ("rlhp train 'training.rllib.wandb_api_key=a b' seed=3", "rlhp train training.rllib.wandb_api_key=*** seed=3"),
        ("rlhp train --api-key abc --seed 3", "rlhp train --api-key *** --seed 3"),
        ("rlhp train --password=abc", "rlhp train --password=***"),
        ('rlhp train \'training.rllib={"token": "abc", "lr": 1}\'', '{"token": ***, "lr": 1}'),
        ("rlhp train output_dir=https://me:abc@host/x", "https://***@host/x"),
        ("rlhp train 'open SECRET=abc", "rlhp train 'open SECRET=***"),
    ],
)
def test_secrets_are_masked(command: str, masked: str) -> None:
    assert masked in mask_secrets(command)
    assert "abc" not in mask_secrets(command)


def test_summary_round_trip_without_what_json_lacks(tmp_path: Path) -> None:
    archive = create(tmp_path)
    assert archive.read_summary() is None
    archive.write_summary({"env_steps": np.int64(7), "true_return_mean": float("nan"), "checkpoint": Path("a/b")})
    assert archive.read_summary() == {"env_steps": 7, "true_return_mean": None, "checkpoint": "a/b"}


def test_a_summary_that_cannot_be_written_keeps_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = create(tmp_path)
    archive.write_summary({"status": "running"})
    files = sorted(archive.directory.iterdir())

    def full(source: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(archive_files.os, "replace", full)
    with pytest.raises(ArchiveError, match=r"No space left"):
        archive.write_summary({"status": "done"})
    assert archive.read_summary() == {"status": "running"} and sorted(archive.directory.iterdir()) == files


@pytest.mark.parametrize("text", ["", '{"a": 1', "[1, 2]", "\xff"])
def test_a_damaged_summary_is_reported(tmp_path: Path, text: str) -> None:
    archive = create(tmp_path)
    archive.summary_file.write_bytes(text.encode("latin-1"))
    with pytest.raises(ArchiveError, match=r"summary\.json"):
        archive.read_summary()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    package = tmp_path / "repo" / "rlhp_ray"
    package.mkdir(parents=True)
    (package / "a.py").write_text("x = 1\n")
    git(package.parent, "init", "-q")
    return package


def file_code(tmp_path: Path, package: Path, runs_dir: Path) -> tuple[str, Path]:
    code_dir = tmp_path / "code"
    code_dir.mkdir(exist_ok=True)
    provenance.archive_code(code_dir, runs_dir, package)
    return (code_dir / "commit.txt").read_text(), code_dir / "diff.patch"


def test_the_diff_rebuilds_the_working_tree(tmp_path: Path, checkout: Path) -> None:
    repo, runs = checkout.parent, checkout.parent / "results"
    (checkout / "old.py").write_text("gone\n")
    git(repo, "add", "."), git(repo, "commit", "-qm", "first")
    (checkout / "a.py").write_text("x = 2\n")
    (checkout / "old.py").unlink()
    (checkout / "new ü.py").write_text("y = 1\n")
    (checkout / "empty.py").touch()
    (checkout / "picture.bin").write_bytes(bytes(range(256)))
    (repo / ".env").write_text("PASSWORD=hunter2hunter2\n")
    (repo / "big.dat").write_bytes(b"\1" * (provenance.MAX_UNTRACKED_FILE_BYTES + 1))
    (runs / "earlier").mkdir(parents=True)
    (runs / "earlier" / "console.log").write_text("another run\n")
    commit, patch = file_code(tmp_path, checkout, runs)
    assert commit.splitlines()[0] == git(repo, "rev-parse", "HEAD")
    left_out = {line.partition(": ")[2] for line in commit.splitlines()[1:]}
    assert left_out == {".env", "big.dat", "results/earlier/console.log"}
    assert b"hunter2" not in patch.read_bytes()
    git(tmp_path, "clone", "-q", str(repo), "copy")
    git(tmp_path / "copy", "apply", str(patch))
    rebuilt = {file.name: file.read_bytes() for file in (tmp_path / "copy" / "rlhp_ray").iterdir()}
    assert rebuilt == {file.name: file.read_bytes() for file in checkout.iterdir()} and "new ü.py" in rebuilt


def test_no_checkout_no_diff(tmp_path: Path, checkout: Path) -> None:
    commit, patch = file_code(tmp_path, checkout, tmp_path)  # a repository without a commit
    assert commit.startswith("not a git checkout") and not patch.exists()
    git(checkout.parent, "add", "."), git(checkout.parent, "commit", "-qm", "first")
    installed = checkout.parent / ".venv" / "lib" / "rlhp_ray"  # somebody else's repository around site-packages
    installed.mkdir(parents=True)
    assert file_code(tmp_path, installed, tmp_path)[0] == "not a git checkout\n"


def test_console_is_teed_and_progress_collapsed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, terminal = tmp_path / "console.log", sys.stderr
    text = "start\r\n\rstep 1\rstep 2\x1b[K\rstep 3 of 3\n\nno end"
    with ConsoleLog(file):
        for piece in (text[:9], text[9:20], text[20:]):
            print(piece, end="", file=sys.stderr, flush=True)
    assert sys.stderr is terminal
    assert file.read_text() == "start\nstep 3 of 3\n\nno end\n"
    assert capsys.readouterr().err == text
    with ConsoleLog(file):
        print("resumed", file=sys.stderr)
    assert file.read_text().endswith("no end\nresumed\n")


def test_console_is_bounded_with_one_note(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "console.log"
    for _ in range(2):
        with ConsoleLog(file, max_bytes=1_000):
            for number in range(200):
                print(f"line {number}", file=sys.stderr)
    assert file.stat().st_size <= 1_000
    assert file.read_text().count("ends here") == 1 and file.read_text().endswith("the run goes on]\n")
    assert capsys.readouterr().err.count("line 199") == 2


def test_console_bounds_a_line_that_never_ends(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with ConsoleLog(tmp_path / "console.log") as console:
        for _ in range(100):
            sys.stderr.write("x" * 1_000)
        assert len(console._line) == console_log.MAX_CONSOLE_LINE_CHARS


def test_console_keeps_the_error_that_ends_a_run(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), ConsoleLog(tmp_path / "console.log"):
        raise RuntimeError("the end")
    assert (tmp_path / "console.log").read_text().splitlines()[-1] == "RuntimeError: the end"


def test_a_full_disk_stops_the_log_and_not_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    (tmp_path / "console.log").symlink_to("/dev/full")
    with ConsoleLog(tmp_path / "console.log"):
        print("one", file=sys.stderr)
        print("two", file=sys.stderr)
    errors = capsys.readouterr().err
    assert "one\n" in errors and "two\n" in errors and errors.count("no longer written") == 1


def test_console_survives_many_threads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def write(number: int) -> None:
        for _ in range(50):
            sys.stderr.write(f"thread {number}\n")

    with ConsoleLog(tmp_path / "console.log"):
        threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    lines = (tmp_path / "console.log").read_text().splitlines()
    assert sorted(lines) == sorted(f"thread {number}" for number in range(4) for _ in range(50))


def test_the_prices_in_force_are_filed_with_the_run(tmp_path: Path) -> None:
    prices = PriceTable(currency="EUR", cpu_hour=0.04)
    archive = RunArchive.create(tmp_path, "priced", "x", "a: 1\n", "rlhp train x", None, None, prices)
    assert read_prices(archive.directory) == prices
    assert read_prices(RunArchive.create(tmp_path, "free", "x", "a: 1\n", "rlhp", None, None).directory) is None


def test_folders_that_a_bucket_does_not_keep_are_made_again(tmp_path: Path) -> None:
    archive = create(tmp_path)
    for folder in (archive.videos_dir, archive.checkpoints_dir):
        folder.rmdir()
    archive.make_folders()
    assert archive.videos_dir.is_dir() and archive.checkpoints_dir.is_dir() and archive.code_dir.is_dir()
