"""`rlhp report`: what it prints where, with which exit code, and what it refuses."""

import subprocess
import sys

import pytest

from rlhp_ray.cli.main import main
from rlhp_ray.cli.report_commands import report_of_sweep

CONFIG = "seed: {seed}\nquestion: null\nexpect: null\nenv:\n  id: Pendulum-v1\n"
SUMMARY = '{{"env": "Pendulum-v1", "seed": {seed}, "labels": 20, "true_return_mean": -200.5, "status": "done"}}'


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """The directory `runs` with two runs, one of them damaged, in the working directory."""
    for seed, name in enumerate(("first", "broken")):
        directory = tmp_path / "runs" / name
        (directory / "code").mkdir(parents=True)
        (directory / "config.yaml").write_text(CONFIG.format(seed=seed))
        (directory / "summary.json").write_text(SUMMARY.format(seed=seed)[: 30 if name == "broken" else None])
        (directory / "command.txt").write_text("2026-01-31T12:00:00Z  rlhp train pendulum\n")
        (directory / "metrics.csv").write_text("env_steps,true_return_mean\n100,-900\n200,-300\n")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs"


@pytest.mark.parametrize(
    ("argv", "page"),
    [
        (["runs/first"], "runs/first/report.html"),
        (["runs/first", "runs/broken"], "runs/report.html"),
        (["runs"], "runs/report.html"),
        (["runs", "--output", "new/place"], "new/place/report.html"),
        (["runs", "--watch"], "runs/report.html"),
    ],
)
def test_the_page_is_the_last_line_on_standard_output(runs, capsys, argv, page):
    assert main(["report", *argv]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"{runs.parent / page}\n"
    assert "one seed only" in (runs.parent / page).read_text()
    assert ("broken is damaged: summary.json cannot be read" in captured.err) == (argv != ["runs/first"])


def test_with_a_threshold_successes_are_counted(runs, capsys):
    assert main(["report", "runs", "--threshold", "-250"]) == 0
    assert "1 of 1 reach -250" in (runs / "report.html").read_text()
    assert main(["report", "runs"]) == 0
    assert "reach" not in (runs / "report.html").read_text().partition("</table>")[0]


@pytest.mark.parametrize(
    ("argv", "code", "expected"),
    [
        ([], 2, "the following arguments are required: RUN|SWEEP"),
        (["nowhere"], 2, "no such path: got 'nowhere', expected the directory of a run or a sweep"),
        (["runs", "nowhere"], 2, "no such path: got 'nowhere'"),
        (["first"], 2, "did you mean runs/first?"),
        (["empty"], 1, "nothing to report: empty holds no run"),
        (["runs/first/config.yaml"], 1, "is a file; expected the directory of a run or a sweep"),
        (["runs/first", "--output", "runs/first/config.yaml"], 2, "is a file; expected a directory"),
        (["runs", "runs/first"], 2, "add --output DIR"),
        (["runs", "--threshold", "high"], 2, "got 'high', expected a true return, such as 475 or -100"),
        (["runs", "--threshold", "nan"], 2, "got 'nan', expected a true return"),
    ],
)
def test_wrong_usage(runs, capsys, argv, code, expected):
    before = sorted(runs.parent.rglob("*"))
    assert main(["report", *argv]) == code
    captured = capsys.readouterr()
    assert captured.out == "" and expected in captured.err and "Traceback" not in captured.err
    assert sorted(runs.parent.rglob("*")) == before


def test_a_sweep_ends_with_its_report_or_a_warning(runs, capsys):
    (runs / "sweep.yaml").write_text("format_version: 1\n")
    assert report_of_sweep(runs) == runs / "report.html"
    (runs / "report.html").write_text("<p>my own</p>")
    assert report_of_sweep(runs) is None
    assert "rlhp: warning: no report: " in capsys.readouterr().err


def test_help_has_an_example(capsys):
    assert main(["report", "--help"]) == 0
    assert "examples:\n  rlhp report " in capsys.readouterr().out


def test_nothing_heavy_is_imported_before_the_paths_are_checked():
    script = (
        "import sys; from rlhp_ray.cli.main import main; main(['report', 'nowhere']); "
        "print('heavy:', *[name for name in ('numpy', 'matplotlib', 'ray', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout == "heavy:\n"
