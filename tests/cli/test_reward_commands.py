"""The chain of commands: gather, fit, score; what each prints where, and what it refuses."""

import csv
import io
import json
import subprocess
import sys

import pytest

from rlhp_ray.cli.main import main

SMALL = ["moving_dot", "preferences.labels=40", "reward.pretraining_epochs=3", "output_dir=runs"]


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    """A directory with gathered preferences and a reward fitted to them, and what the two commands printed."""
    directory = tmp_path_factory.mktemp("chain")
    gathered = run("preferences", "gather", *SMALL, "name=gathered", cwd=directory)
    load = "preferences.load=runs/gathered"
    fitted = run("reward", "fit", *SMALL, load, "name=fitted", cwd=directory)
    assert gathered.returncode == fitted.returncode == 0, gathered.stderr + fitted.stderr
    return directory, gathered, fitted


@pytest.fixture
def in_chain(chain, monkeypatch):
    """The working directory is that of the chain."""
    monkeypatch.chdir(chain[0])
    return chain[0]


_RUN = """
import sys
from rlhp_ray.cli.main import main
code = main(sys.argv[1:])
print("heavy:", *[name for name in ("ray", "torch", "pandas", "pyarrow") if name in sys.modules], file=sys.stderr)
sys.exit(code)
"""


def run(*argv, cwd=None):
    return subprocess.run([sys.executable, "-c", _RUN, *argv], capture_output=True, text=True, timeout=120, cwd=cwd)


def test_gather_and_fit_print_nothing_but_the_directory(chain):
    directory, gathered, fitted = chain
    assert gathered.stdout == f"{directory / 'runs' / 'gathered'}\n"
    assert "40/40 labels" in gathered.stderr
    assert fitted.stdout == f"{directory / 'runs' / 'fitted'}\n"
    lines = fitted.stderr.splitlines()
    assert lines[0].startswith("40 labels of ") and "validation loss" in lines[1]
    assert [line.split()[0] for line in lines[2:5]] == ["1", "2", "3"]


def test_neither_needs_ray(chain):
    for done in chain[1:]:
        heavy = done.stderr.splitlines()[-1].split()
        assert heavy[0] == "heavy:" and "torch" in heavy and "ray" not in heavy


def test_score_prints_a_row_for_each_clip_and_a_line_on_how_it_agrees(in_chain, capsys):
    assert main(["reward", "score", "runs/gathered", "--reward", "runs/fitted"]) == 0
    captured = capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(captured.out)))
    names = ["clip_id", "predicted_return", *(f"member_{number}_return" for number in (1, 2, 3, 4, 5)), "true_return"]
    assert list(rows[0]) == names
    for row in rows:
        predicted, *members, _ = (float(row[name]) for name in names[1:])
        assert predicted == pytest.approx(sum(members) / 5, abs=1e-4)
    assert captured.err.startswith(f"{len(rows)} clips, rank correlation of predicted and true return ")
    assert captured.err.count("\n") == 1 and "decided answers predicted right" in captured.err


def test_a_fitted_reward_says_what_it_is_and_its_settings_load_back(in_chain):
    header = json.loads((in_chain / "runs" / "fitted" / "reward.json").read_text())
    assert (header["env_id"], header["version"]) == ("rlhp/MovingDot-v0", 1)
    again = ["reward", "fit", "runs/fitted/settings.yaml", "name=again", "reward.pretraining_epochs=3"]
    assert main(again) == 0
    made = [(in_chain / "runs" / name / "reward.safetensors").read_bytes() for name in ("fitted", "again")]
    assert made[0] == made[1]


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["reward"], "the following arguments are required: COMMAND"),
        (["reward", "fit"], "the following arguments are required: CONFIG"),
        (["reward", "fit", "moving_dot"], "preferences.load: got null, nothing to fit to; expected the directory of"),
        (["reward", "fit", "moving_dot", "preferences.load=nowhere"], "a path that does not exist; expected the"),
        (["reward", "fit", "moving_dot", "preferences.lod=x"], "did you mean preferences.load?"),
        (["reward", "fit", *SMALL, "preferences.load=runs/gathered", "reward.load=runs/fitted"], "reward.load: got"),
        (["reward", "fit", *SMALL, "preferences.load=runs/gathered", "name=fitted"], "nothing is overwritten"),
        (["reward", "score", "runs/gathered"], "the following arguments are required: --reward"),
        (["reward", "score", "nowhere", "--reward", "runs/fitted"], "no such path: got 'nowhere', expected the"),
        (["reward", "score", "runs/gathered", "--reward", "fitted"], "did you mean runs/fitted?"),
        (["preferences", "gather"], "the following arguments are required: CONFIG"),
        (["preferences", "gather", "moving_dto"], "did you mean moving_dot?"),
        (["preferences", "gather", "moving_dot", "preferences.labels=0"], "preferences.labels: got 0, nothing to"),
        (["preferences", "gather", "moving_dot", "reward.load=."], "reward.load: got "),
        (["preferences", "gather", "moving_dot", "policy.load=nowhere"], "policy.load: got "),
        (["preferences", "gather", "moving_dot", "preferences.load=x"], "expected null, since what is gathered is new"),
        (["train", *SMALL, "preferences.load=nowhere"], "preferences.load: got "),
    ],
)
def test_wrong_usage_exits_2_and_writes_nothing(in_chain, capsys, argv, expected):
    before = sorted((in_chain / "runs").iterdir())
    assert main(argv) == 2
    captured = capsys.readouterr()
    assert expected in captured.err and "Traceback" not in captured.err
    assert captured.out == ""
    assert sorted((in_chain / "runs").iterdir()) == before


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["reward", "fit", "cartpole", "preferences.load=runs/gathered"], "has another environment than this config"),
        (
            ["reward", "fit", *SMALL, "preferences.load=runs/gathered", "preferences.clip_steps=9"],
            "has another clip length in steps than this configuration: got 25, expected 9",
        ),
        (["reward", "fit", *SMALL, "preferences.load=garbage"], "garbage is truncated, damaged or no preference data"),
        (["reward", "fit", *SMALL, "preferences.load=runs/fitted"], "fitted holds no preferences: it has neither"),
        (
            ["preferences", "gather", *SMALL, "policy.load=runs/fitted"],
            "policy.json is missing. Expected the directory",
        ),
        (["reward", "score", "garbage", "--reward", "runs/fitted"], "garbage is truncated, damaged or no preference"),
        (["reward", "score", "runs/gathered", "--reward", "runs/gathered"], "reward.json is missing. Expected the"),
        (["reward", "score", "runs/gathered", "--reward", "half"], "half is truncated or damaged"),
    ],
)
def test_what_cannot_be_used_exits_1_with_one_line(in_chain, capsys, argv, expected):
    (in_chain / "garbage").write_bytes(b"soup\n" * 1000)
    (in_chain / "half").mkdir(exist_ok=True)
    for source in (in_chain / "runs" / "fitted").glob("reward.*"):
        (in_chain / "half" / source.name).write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    before = sorted((in_chain / "runs").iterdir())
    assert main(argv) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("rlhp: error: ") and expected in captured.err
    assert captured.err.count("\n") == 1 and captured.out == ""
    assert sorted((in_chain / "runs").iterdir()) == before


@pytest.mark.parametrize(("command", "found"), [("preferences", "gather"), ("reward", "fit"), ("reward", "score")])
def test_every_help_has_an_example(capsys, command, found):
    assert main([command, found, "--help"]) == 0
    assert f"example:\n  rlhp {command} {found} " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["reward", "--help"], 0),
        (["reward", "score", "--help"], 0),
        (["preferences", "gather", "--help"], 0),
        (["reward", "fit", "moving_dot"], 2),
        (["reward", "score", "nowhere", "--reward", "nowhere"], 2),
        (["preferences", "gather", "moving_dot", "preferences.labels=0"], 2),
    ],
)
def test_nothing_heavy_is_imported_before_the_input_is_checked(argv, code):
    done = run(*argv)
    assert done.returncode == code, done.stderr
    assert done.stderr.splitlines()[-1] == "heavy:"
