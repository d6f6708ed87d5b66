"""A run made again from its archived code. The package in these repositories is a stand-in that "trains" at once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rlhp_ray.errors import ArchiveError, ConfigError
from rlhp_ray.experiment import provenance
from rlhp_ray.experiment.provenance import archive_code, hardware, installed_versions
from rlhp_ray.runs import reproduction
from rlhp_ray.runs.code_checkout import check_out, find_repository
from rlhp_ray.runs.code_process import train_with_code
from rlhp_ray.runs.code_state import read_code_state
from rlhp_ray.runs.reproduction import plan_reproduction, reproduce
from rlhp_ray.runs.run_index import open_run

_TRAIN = """
import json, pathlib, sys
from rlhp_ray.answer import ANSWER
given = dict(word.split("=", 1) for word in sys.argv[3:])
run = pathlib.Path(given["output_dir"], given["name"])
run.mkdir(parents=True)
summary = json.loads((pathlib.Path(sys.argv[2]).parent / "summary.json").read_text())
summary.update(true_return_mean=ANSWER, wall_seconds=1.0)
(run / "summary.json").write_text(json.dumps(summary))
(run / "given.json").write_text(json.dumps({"words": sys.argv[1:], "cwd": str(pathlib.Path.cwd()), "path": sys.path}))
sys.exit(int(given.get("exit", 0)))
"""


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A checkout whose training answers 1.0, committed; its work tree says 2.0 in a new module."""
    package = tmp_path / "repo" / "rlhp_ray"
    (package / "cli").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "cli" / "__init__.py").write_text("")
    (package / "cli" / "__main__.py").write_text(_TRAIN)
    (package / "answer.py").write_text("ANSWER = 1.0\n")
    (package / "api_key.py").write_text("KEY = 'committed'\n")
    git(package.parent, "init", "-q")
    git(package.parent, "add", ".")
    git(package.parent, "commit", "-qm", "first")
    (package / "answer.py").write_text("from rlhp_ray.new import ANSWER\n")
    (package / "new.py").write_text("ANSWER = 2.0\n")
    return package.parent


@pytest.fixture
def run(make_run, repository: Path, runs_dir: Path) -> Path:
    """A run of the code in the work tree."""
    directory = make_run("first", true_return_mean=2.0)
    archive_code(directory / "code", runs_dir, repository / "rlhp_ray")
    (directory / "versions.txt").write_text(installed_versions())
    (directory / "hardware.json").write_text(json.dumps(hardware()))
    return directory


@pytest.fixture
def again(monkeypatch, repository: Path, capfd):
    """Reproduces a run of the stand-in; gives the exit code, what was said and the plan."""
    find = find_repository
    monkeypatch.setattr(reproduction, "find_repository", lambda code, run: find(code, run, repository))
    monkeypatch.setattr(sys, "stderr", sys.__stderr__)  # the process writes to it directly

    def call(run: Path, *overrides: str):
        said: list[str] = []
        plan = plan_reproduction(open_run(run), overrides)
        return reproduce(plan, said.append), "\n".join(said), plan

    return call


def test_the_result_is_that_of_the_archived_code_and_not_of_the_work_tree(again, run, repository) -> None:
    (repository / "rlhp_ray" / "new.py").unlink()
    (repository / "rlhp_ray" / "answer.py").write_text("ANSWER = 3.0\n")
    status = git(repository, "status", "--short")
    code, said, plan = again(run)
    assert code == 0
    assert said.endswith("the result is the same to the bit")
    assert "note" not in said
    assert json.loads((plan.directory / "summary.json").read_text())["true_return_mean"] == 2.0
    assert plan.directory.parent == run.parent and plan.directory.name.startswith("first-again-")
    given = json.loads((plan.directory / "given.json").read_text())
    assert given["words"][:2] == ["train", str(run / "config.yaml")]
    assert given["cwd"] == str(plan.checkout)
    assert not plan.checkout.exists()
    assert git(repository, "status", "--short") == status
    assert len(git(repository, "worktree", "list").splitlines()) == 1


def test_commits_that_no_branch_holds_any_more_are_found(again, run, repository) -> None:
    git(repository, "checkout", "--", ".")
    git(repository, "clean", "-fdq")
    git(repository, "commit", "-q", "--amend", "-m", "amended")
    git(repository, "reflog", "expire", "--expire=now", "--all")
    assert again(run)[0] == 0


def test_the_code_of_a_reproduction_is_archived_the_same(run, repository, runs_dir, tmp_path) -> None:
    """Although its checkout lies among the runs."""
    code = read_code_state(open_run(run).archive)
    check_out(code, repository, runs_dir / "again-code")
    new = tmp_path / "code"
    new.mkdir()
    archive_code(new, runs_dir, runs_dir / "again-code" / "rlhp_ray")
    assert (new / "diff.patch").read_bytes() == (run / "code" / "diff.patch").read_bytes()
    assert (new / "commit.txt").read_text() == (run / "code" / "commit.txt").read_text()


def test_another_result_of_a_synchronous_run_exits_1(again, run) -> None:
    summary = json.loads((run / "summary.json").read_text())
    (run / "summary.json").write_text(json.dumps({**summary, "true_return_mean": 2.5}))
    code, said, plan = again(run)
    assert code == 1
    assert "the result differs:\n  true_return_mean: 2.5 was, 2.0 is" in said
    assert plan.checkout.is_dir()


def test_an_asynchronous_run_may_differ(again, run) -> None:
    summary = json.loads((run / "summary.json").read_text())
    (run / "summary.json").write_text(json.dumps({**summary, "true_return_mean": 2.5, "mode": "async"}))
    code, said, _ = again(run)
    assert code == 0
    assert "an asynchronous run depends on timing" in said and "differs, as it may" in said


def test_overrides_go_to_the_training_and_nothing_is_compared(again, run, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, said, plan = again(run, "seed=4", "name=other", "output_dir=elsewhere", "reward.load=saved")
    assert code == 0
    assert "seed=4 " in said and "results are not compared" in said
    assert plan.directory == tmp_path / "elsewhere" / "other"
    words = json.loads((plan.directory / "given.json").read_text())["words"]
    assert words[2:4] == ["seed=4", f"reward.load={tmp_path / 'saved'}"]


def test_the_exit_code_of_the_training_is_kept_with_its_code(again, run) -> None:
    code, said, plan = again(run, "exit=130")
    assert code == 130
    assert f"exit code 130; its code stays in {plan.checkout}" in said
    assert plan.checkout.is_dir()


def test_what_was_not_archived_is_said(again, run, repository, runs_dir, monkeypatch) -> None:
    (repository / "rlhp_ray" / "api_key.py").write_text("KEY = 'changed'\n")
    (repository / "token.txt").write_text("secret\n")
    monkeypatch.setattr(provenance, "MAX_UNTRACKED_FILE_BYTES", 100)
    (repository / "data.bin").write_bytes(b"\0" * 101)
    archive_code(run / "code", runs_dir, repository / "rlhp_ray")
    said = again(run)[1]
    assert "not archived, because secret-looking, large or too many: data.bin, rlhp_ray/api_key.py, token.txt." in said


def test_other_versions_and_hardware_are_said_and_not_refused(again, run) -> None:
    versions = (run / "versions.txt").read_text() + "gone==1.0\n"
    (run / "versions.txt").write_text(versions)
    machine = json.loads((run / "hardware.json").read_text())
    (run / "hardware.json").write_text(json.dumps({**machine, "cpu_model": "Another"}))
    code, said, _ = again(run)
    assert code == 0
    assert "note: versions differ, so that the result may: gone 1.0 was, none is" in said
    assert "note: hardware differ, so that the result may: cpu_model Another was" in said


def test_an_extended_run_is_told(again, run) -> None:
    with (run / "command.txt").open("a") as file:
        file.write("2026-02-01T00:00:00Z  rlhp resume runs/first training.env_steps=100000\n")
    assert "extended with larger budgets" in again(run)[1]


def test_a_run_without_a_checkout_has_no_code_to_go_back_to(again, run) -> None:
    (run / "code" / "commit.txt").write_text("not a git checkout\n")
    with pytest.raises(ArchiveError, match=r"made by an installed copy of rlhp_ray.*rlhp train .*config\.yaml"):
        again(run)


def test_a_commit_that_is_not_in_the_repository(again, run, repository) -> None:
    (run / "code" / "commit.txt").write_text("f" * 40 + "\n")
    with pytest.raises(ArchiveError, match=f"the commit {'f' * 40} of {run} is not in {repository}. Fetch it first"):
        again(run)


def test_a_package_that_is_no_checkout(run, tmp_path) -> None:
    code = read_code_state(open_run(run).archive)
    with pytest.raises(ArchiveError, match="is no git checkout of rlhp_ray"):
        find_repository(code, run, tmp_path)


def test_a_difference_that_does_not_apply_leaves_nothing_behind(again, run, runs_dir) -> None:
    patch = (run / "code" / "diff.patch").read_text().replace("-ANSWER = 1.0", "-ANSWER = 7.0")
    (run / "code" / "diff.patch").write_text(patch)
    with pytest.raises(ArchiveError, match=r"diff\.patch does not apply to its commit .*patch failed.*nothing was"):
        again(run)
    assert [path.name for path in runs_dir.iterdir()] == ["first"]


def test_other_code_than_the_checkouts_is_never_trained(run, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArchiveError, match="would not be used, but that in"):
        train_with_code(tmp_path / "empty", run / "config.yaml", [])


def test_relative_search_paths_stay_what_they_were(again, run, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["mine", ""]))
    _, _, plan = again(run)
    path = json.loads((plan.directory / "given.json").read_text())["path"]
    assert path.index(str(plan.checkout)) < path.index(str(tmp_path / "mine"))


def test_a_name_that_is_taken_and_a_damaged_run_are_refused(run, make_run) -> None:
    with pytest.raises(ConfigError, match="second exists and is left alone"):
        make_run("second")
        plan_reproduction(open_run(run), ["name=second"])
    (run / "summary.json").write_text("{")
    with pytest.raises(ArchiveError, match="is damaged"):
        plan_reproduction(open_run(run), [])


def test_a_trial_of_a_sweep_is_made_again_beside_the_sweep(make_run, runs_dir) -> None:
    trial = make_run("seed0", folder=runs_dir / "sw")
    (runs_dir / "sw" / "sweep.yaml").write_text("")
    assert plan_reproduction(open_run(trial), ["name=again"]).directory == runs_dir / "again"


def test_a_run_that_shared_its_answers_is_not_made_again_without_the_others(make_run, runs_dir) -> None:
    (runs_dir / "sweep").mkdir()
    (runs_dir / "sweep" / "sweep.yaml").touch()
    run = open_run(make_run("seed0", folder=runs_dir / "sweep", config={"scope": "sweep", "mode": "async"}))
    with pytest.raises(ConfigError, match="shared its answers with the other runs of its sweep"):
        plan_reproduction(run, [])
    assert plan_reproduction(run, ["scope=trial", "name=again"]).overrides == ("scope=trial",)
