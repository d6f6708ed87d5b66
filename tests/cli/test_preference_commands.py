"""`rlhp preferences`: what it prints where, with which exit code, and what it refuses before anything is written."""

import itertools
import subprocess
import sys

import numpy as np
import pytest

from rlhp_ray.cli.main import main
from rlhp_ray.clips.clip import Clip
from rlhp_ray.preferences.preference import Answer, Preference
from rlhp_ray.preferences.preference_store import PreferenceStore
from rlhp_ray.preferences.preference_subject import PreferenceSubject

SUBJECT = PreferenceSubject(
    "rlhp/Vector-v0",
    2,
    {"type": "Box", "shape": [3], "dtype": "float32", "low": "-inf", "high": "inf"},
    {"type": "Discrete", "n": 4, "start": 0},
)


@pytest.fixture
def run_directory(tmp_path, monkeypatch):
    """A directory `runs/first` with three preferences, in the working directory."""
    directory = tmp_path / "runs" / "first"
    directory.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    clips = [
        Clip(rng.normal(size=(2, 3)).astype(np.float32), rng.integers(0, 4, 2), np.zeros(2, np.float32), 0)
        for _ in range(4)
    ]
    pairs = enumerate(itertools.pairwise(clip.clip_id for clip in clips))
    store = PreferenceStore(directory / "preferences.sqlite", SUBJECT.to_metadata())
    store.record([Preference(index, *pair, Answer.LEFT, "oracle", 0) for index, pair in pairs], clips)
    store.close()
    return directory


def test_export_import_and_merge_end_with_what_they_wrote(run_directory, tmp_path, capsys):
    assert main(["preferences", "export", "runs/first", "exported"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "exported\n"
    assert captured.err == "rlhp: 3 preferences on 4 clips were exported\n"
    assert main(["preferences", "import", "exported", "imported.sqlite"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "imported.sqlite\n"
    assert captured.err == "rlhp: 3 preferences on 4 clips were imported\n"
    assert main(["preferences", "merge", "merged.sqlite", "runs/first", "exported", "imported.sqlite"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "merged.sqlite\n"
    told = "rlhp: 3 preferences on 4 clips from 3 sources were stored, 6 duplicates left out\n"
    assert captured.err == told
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["exported", "imported.sqlite", "merged.sqlite", "runs"]


@pytest.mark.parametrize("source", ["runs/first", "runs/first/preferences.sqlite", "exported"])
def test_stats_prints_the_table_of_any_source(run_directory, capsys, source):
    main(["preferences", "export", "runs/first", "exported"])
    capsys.readouterr()
    assert main(["preferences", "stats", source]) == 0
    captured = capsys.readouterr()
    assert "  queries            3\n" in captured.out and "rlhp/Vector-v0" in captured.out
    assert captured.err == ""


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["show"], "invalid choice: 'show'"),
        (["stats"], "the following arguments are required: SOURCE"),
        (["stats", "nowhere"], "got 'nowhere', expected the directory of a run, or a preference database"),
        (["stats", "first"], "did you mean runs/first?"),
        (["stats", "runs/first", "more"], "rlhp preferences stats: error: unrecognized arguments: more"),
        (["export", "runs/first"], "the following arguments are required: DIRECTORY"),
        (["export", "runs/first", "runs"], "'runs' exists and nothing is overwritten"),
        (["export", "runs/first", "no/where"], "expected a name in a directory that exists; make no"),
        (["import", "nowhere", "new.sqlite"], "no such path: got 'nowhere'"),
        (["import", "runs/first", "runs"], "'runs' exists and nothing is overwritten"),
        (["merge", "new.sqlite", "runs/first"], "the following arguments are required: SOURCE"),
        (["merge", "runs/first/preferences.sqlite", "runs/first", "runs/first"], "exists and nothing is overwritten"),
        (["merge", "new.sqlite", "runs/first", "nowhere"], "no such path: got 'nowhere'"),
    ],
)
def test_wrong_usage_exits_2(run_directory, tmp_path, capsys, argv, expected):
    assert main(["preferences", *argv]) == 2
    captured = capsys.readouterr()
    assert expected in captured.err and "Traceback" not in captured.err
    assert captured.out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["stats", "runs"], "runs holds no preferences: it has neither preferences.sqlite"),
        (["export", "garbage", "new"], "garbage is truncated, damaged or no preference database"),
        (["import", "runs/first", "new.sqlite"], "runs/first is not a preference export: header.json is missing"),
        (["import", "garbage", "new.sqlite"], "garbage is not a preference export"),
        (["merge", "new.sqlite", "runs/first", "garbage"], "garbage is truncated, damaged or no preference database"),
    ],
)
def test_what_cannot_be_used_exits_1_with_one_line(run_directory, tmp_path, capsys, argv, expected):
    (tmp_path / "garbage").write_bytes(b"soup\n" * 1000)
    assert main(["preferences", *argv]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("rlhp: error: ") and expected in captured.err
    assert captured.err.count("\n") == 1 and captured.out == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["garbage", "runs"]


@pytest.mark.parametrize("command", [[], ["stats"], ["export"], ["import"], ["merge"]])
def test_every_help_has_an_example(capsys, command):
    assert main(["preferences", *command, "--help"]) == 0
    assert "example:\n  rlhp preferences " in capsys.readouterr().out


_RUN = """
import sys
from rlhp_ray.cli.main import main
code = main(sys.argv[1:])
heavy = ("ray", "torch", "pandas", "pyarrow", "numpy", "gymnasium")
print("heavy:", *[name for name in heavy if name in sys.modules])
sys.exit(code)
"""


def run(*argv):
    return subprocess.run([sys.executable, "-c", _RUN, *argv], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["--help"], 0),
        (["merge", "--help"], 0),
        (["stats", "nowhere"], 2),
        (["export", "runs/first", "runs"], 2),
        (["import", "nowhere", "new.sqlite"], 2),
        (["merge", "runs", "runs/first", "runs/first"], 2),
    ],
)
def test_nothing_heavy_is_imported_before_the_input_is_checked(run_directory, argv, code):
    done = run("preferences", *argv)
    assert done.returncode == code, done.stderr
    assert done.stdout.splitlines()[-1] == "heavy:"
    assert "Traceback" not in done.stderr


def test_neither_ray_nor_torch_is_needed_for_saved_preferences(run_directory):
    done = run("preferences", "stats", "runs/first")
    assert done.returncode == 0, done.stderr
    heavy = done.stdout.splitlines()[-1].split()
    assert "pyarrow" in heavy and not {"ray", "torch"} & set(heavy)


def test_withdraw_says_what_it_did_and_can_be_taken_back(run_directory, capsys):
    assert main(["preferences", "withdraw", "runs/first", "--labeller", "oracle"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "runs/first\n"
    assert captured.err == "rlhp: 3 answers of oracle are withdrawn, and can be taken back with --weight 1\n"
    assert main(["preferences", "stats", "runs/first"]) == 0
    assert "weights            oracle withdrawn" in capsys.readouterr().out
    database = "runs/first/preferences.sqlite"
    assert main(["preferences", "withdraw", database, "--labeller", "oracle", "--weight", "2"]) == 0
    assert capsys.readouterr().err == "rlhp: 3 answers of oracle count 2 times\n"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--labeller", "eve"], 1, "holds no answer of 'eve'; expected one of oracle"),
        (
            ["--labeller", "oracle", "--weight", "-1"],
            2,
            "--weight: got -1; expected 0, which withdraws, or 0.001 to 1000",
        ),
        (["--labeller", "oracle", "--weight", "nan"], 2, "--weight: got nan"),
        ([], 2, "--labeller"),
    ],
)
def test_withdraw_refuses_what_it_cannot_do(run_directory, capsys, words, code, told):
    assert main(["preferences", "withdraw", "runs/first", *words]) == code
    assert told in capsys.readouterr().err
