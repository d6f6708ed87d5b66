"""The command line as a process: what it imports before the input is checked, and how it leaves."""

import os
import subprocess
import sys

import pytest

_HEAVY = ("ray", "torch", "pandas", "matplotlib")
_RUN = """
import sys
from rlhp_ray.cli.main import main
code = main(sys.argv[1:])
print("heavy:", *[name for name in HEAVY if name in sys.modules])
sys.exit(code)
""".replace("HEAVY", repr(_HEAVY))


def run(*argv: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", _RUN, *argv], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["--help"], 0),
        (["--version"], 0),
        (["train", "pendulum", "preferences.lables=3"], 2),
        (["train", "pendulum", "env.id=Pendulun-v1"], 2),
        (["train", "moving_dot", "preferences.clip_steps=100000"], 2),
        (["resume", "nowhere"], 2),
        (["replay", "nowhere"], 2),
    ],
)
def test_nothing_heavy_is_imported_before_the_input_is_checked(argv, code):
    done = run(*argv)
    assert done.returncode == code, done.stderr
    assert done.stdout.splitlines()[-1] == "heavy:"
    assert "Traceback" not in done.stderr
    assert bool(done.stderr) == (code != 0)


def test_help_imports_no_third_party_package():
    script = (
        "import sys; from rlhp_ray.cli.main import main; main(['--help']);"
        "print(*[n for n in ('pydantic', 'yaml', 'numpy', 'gymnasium') if n in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stderr.strip() == ""


_DONE = """
import sys, types
from pathlib import Path
from rlhp_ray.cli.main import main
def play(*args, **kwargs):
    print("return 1.0", flush=True)
player = types.ModuleType("rlhp_ray.replay.player")
player.replay = play
trial = types.ModuleType("rlhp_ray.experiment.trial")
trial.run_trial = lambda *args, **kwargs: types.SimpleNamespace(directory=Path("runs/made"), exit_code=0)
sys.modules[player.__name__], sys.modules[trial.__name__] = player, trial
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(("argv", "code"), [(["--help"], 0), (["train", "pendulum"], 0), (["replay", "."], 1)])
def test_a_reader_that_has_gone_is_no_failure_worth_a_message(argv, code, unbuffered):
    process = subprocess.Popen(
        [sys.executable, "-c", _DONE, *argv],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
    )
    process.stdout.close()  # long before the child has started to print
    _, told = process.communicate(timeout=60)
    assert told == b""
    assert process.returncode == code
