"""`rlhp runs`: what it prints where, with which exit code, and what it refuses."""

import subprocess
import sys

import pytest

from rlhp_ray.cli import runs_commands
from rlhp_ray.cli.main import main
from rlhp_ray.experiment.session_lock import session_lock
from rlhp_ray.runs.run_record import STATUSES

CONFIG = "seed: {seed}\nquestion: {question}\nexpect: null\nenv:\n  id: Pendulum-v1\n"
SUMMARY = '{{"env": "Pendulum-v1", "seed": {seed}, "labels": 20, "true_return_mean": -200.5, "status": "done"}}'


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """The directory `runs` with two runs, one of them damaged, in the working directory."""
    for seed, name in enumerate(("first", "broken")):
        directory = tmp_path / "runs" / name
        (directory / "code").mkdir(parents=True)
        (directory / "config.yaml").write_text(CONFIG.format(seed=seed, question="Is it so?"))
        (directory / "summary.json").write_text(SUMMARY.format(seed=seed)[: 30 if name == "broken" else None])
        (directory / "command.txt").write_text("2026-01-31T12:00:00Z  rlhp train pendulum\n")
        (directory / "versions.txt").write_text("# Python 3.11.2\n")
        (directory / "hardware.json").write_text("{}")
        (directory / "code" / "commit.txt").write_text("not a git checkout\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs"


@pytest.mark.parametrize("argv", [["runs"], ["runs", "runs"], ["runs", "list", "runs"], ["runs", "--sort", "run"]])
def test_the_list_goes_to_standard_output_and_the_rest_to_standard_error(runs, capsys, argv):
    assert main(argv) == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert lines[0].split()[:3] == ["run", "env", "algorithm"]
    assert sorted(line.split()[0] for line in lines[1:]) == ["broken", "first"]
    assert "Is it so?" in captured.out
    assert "runs/broken is damaged: summary.json cannot be read" in captured.err
    assert captured.err.endswith("rlhp: 2 runs: 1 done, 1 damaged in runs\n")


def test_filters(runs, capsys):
    assert main(["runs", "--status", "done", "--env", "pend", "--where", "labels>=20", "--where", "seed=0"]) == 0
    captured = capsys.readouterr()
    assert [line.split()[0] for line in captured.out.splitlines()] == ["run", "first"]
    assert captured.err == "rlhp: 1 run: 1 done in runs, of 2\n"
    assert main(["runs", "--env", "cartpole"]) == 0
    assert capsys.readouterr() == ("", "rlhp: 0 runs in runs, of 2\n")


def test_the_page(runs, capsys):
    assert main(["runs", "--html"]) == 0
    assert capsys.readouterr() == ("runs/runs.html\n", "")
    assert main(["runs", "--html", "page.html", "--status", "done"]) == 0
    assert "broken" not in (runs.parent / "page.html").read_text()


def test_notes_are_kept_and_shown(runs, capsys):
    assert main(["runs", "note", "runs/first", "the seed that\ngot stuck"]) == 0
    assert capsys.readouterr() == ("", f"rlhp: noted in {runs / 'first' / 'notes.md'}\n")
    assert main(["runs", "note", "runs/first", "was it?"]) == 0
    assert main(["runs", "--notes"]) == 0
    shown = capsys.readouterr().out
    assert shown.index("the seed that") < shown.index("got stuck") < shown.index("was it?")
    assert main(["runs", "show", "runs/first"]) == 0
    assert "was it?" in capsys.readouterr().out


def test_show_and_diff(runs, capsys):
    assert main(["runs", "show", "runs/broken"]) == 0
    assert "damaged     summary.json cannot be read" in capsys.readouterr().out
    assert main(["runs", "diff", "runs/first", "runs/broken"]) == 0
    assert "seed  0  1" in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "code", "left"), [("y\n", 0, 1), ("n\n", 1, 2), ("\n", 1, 2), ("", 1, 2)])
def test_deleting_says_what_is_freed_and_asks(runs, capsys, monkeypatch, answer, code, left):
    monkeypatch.setattr(runs_commands.os, "isatty", lambda descriptor: True)
    monkeypatch.setattr(sys, "stdin", sys.__stdin__)
    monkeypatch.setattr(runs_commands.sys, "stdin", Answering(answer))
    assert main(["runs", "delete", "runs/first"]) == code
    captured = capsys.readouterr()
    assert f"bytes  {runs / 'first'}  (done, 20 labels)" in captured.out
    assert "Delete 1 run, " in captured.err and "for good? [y/N]" in captured.err
    assert len(list(runs.iterdir())) == left


class Answering:
    """A terminal at which somebody types one line."""

    def __init__(self, text):
        self.readline = lambda: text

    def fileno(self):
        return 0


def test_deleting_without_asking(runs, capsys):
    assert main(["runs", "delete", "runs/first", "runs/broken", "--yes"]) == 0
    assert "rlhp: deleted 2 runs, " in capsys.readouterr().err
    assert list(runs.iterdir()) == []


def test_nobody_is_asked_where_nobody_can_answer(runs):
    done = subprocess.run(
        [sys.executable, "-m", "rlhp_ray.cli", "runs", "delete", "runs/first"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert "standard input is no terminal; add --yes" in done.stderr
    assert (runs / "first").is_dir()


def test_a_running_run_is_not_deleted(runs, capsys):
    with session_lock(runs / "first"):
        assert main(["runs", "delete", "runs/first", "--yes"]) == 1
    assert "is running" in capsys.readouterr().err
    assert (runs / "first").is_dir()


@pytest.mark.parametrize(
    ("argv", "code", "expected"),
    [
        (["runs", "nowhere"], 2, "nowhere does not exist; expected a directory that holds runs"),
        (["runs", "runs/first"], 2, "is a run; expected a directory that holds runs; try: rlhp runs show runs/first"),
        (["runs", "--status", "dnoe"], 2, "invalid choice: 'dnoe'"),
        (["runs", "--where", "labels"], 2, "--where: got 'labels', expected KEY=VALUE"),
        (["runs", "--where", "lables=3"], 2, "did you mean labels?"),
        (["runs", "--sort", "retrun"], 2, "did you mean return?"),
        (["runs", "--html", "runs"], 2, "expected a file name that ends in .html; put DIR first"),
        (["runs", "runs", "more"], 2, "unrecognized arguments: more"),
        (["runs", "show"], 2, "the following arguments are required: RUN"),
        (["runs", "show", "first"], 2, "did you mean runs/first?"),
        (["runs", "show", "runs"], 1, "is not a run"),
        (["runs", "note", "runs/first", " "], 2, "the note is empty"),
        (["runs", "delete", "runs", "--yes"], 1, "is not a run"),
        (["runs", "reproduce", "runs/first", "oops"], 2, "override 'oops': got no '='"),
        (["runs", "reproduce", "runs/first", "name=broken"], 2, "broken exists and is left alone"),
        (["runs", "reproduce", "runs/first"], 1, "made by an installed copy of rlhp_ray"),
        (["runs", "reproduce", "runs/broken"], 1, "is damaged"),
    ],
)
def test_wrong_usage(runs, capsys, argv, code, expected):
    assert main(argv) == code
    captured = capsys.readouterr()
    assert expected in captured.err
    assert "Traceback" not in captured.err
    assert sorted(path.name for path in runs.iterdir()) == ["broken", "first"]


@pytest.mark.parametrize("command", ["list", "show", "diff", "note", "delete", "reproduce"])
def test_every_help_has_an_example(capsys, command):
    assert main(["runs", command, "--help"]) == 0
    assert "example:\n  rlhp runs " in capsys.readouterr().out


def test_the_statuses_of_the_help_are_those_of_the_index(capsys):
    assert main(["runs", "list", "--help"]) == 0
    assert ", ".join(STATUSES) in " ".join(capsys.readouterr().out.split())


def test_listing_imports_nothing_heavy(runs):
    script = (
        "import sys; from rlhp_ray.cli.main import main; main(['runs', '--where', 'seed=0']); "
        "heavy = ('numpy', 'pydantic', 'ray', 'torch', 'pandas', 'gymnasium', 'psutil');"
        "print('heavy:', *[name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "heavy:"
