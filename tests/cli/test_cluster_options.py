"""Options about clusters and copies that are refused before anything is asked of either."""

import shlex
import subprocess
import sys

import pytest

from rlhp_ray.cli.cluster_commands import _without_submit


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["sweep", "moving_dot", "--address", "auto"], "output_dir: got 'runs'; expected, on a cluster, the absolute"),
        (["sweep", "moving_dot", "--submit", "http://127.0.0.1:1"], "output_dir: got 'runs'; expected, on a cluster"),
        (
            ["sweep", "moving_dot", "--submit", "here", "output_dir=/srv"],
            "--submit: got 'here'; expected a dashboard's",
        ),
        (["sweep", "moving_dot", "--address", "here", "output_dir=/srv"], "--address: got 'here'; expected auto, or"),
        (["sweep", "moving_dot", "--then-down"], "--then-down: got it without a cluster"),
        (["sweep", "moving_dot", "--copy-to", "bucket"], "--copy-to: got 'bucket'; expected s3://BUCKET/PATH"),
        (["train", "moving_dot", "--copy-to", "ftp://bucket"], "--copy-to: got 'ftp://bucket'; expected s3://"),
        (["train", "moving_dot", "output_dir=/srv/a", "--copy-to", "file:///srv/a"], "expected another place"),
        (["resume", "ftp://bucket/run"], "RUN|SWEEP: got 'ftp://bucket/run'; expected s3://BUCKET/PATH"),
        (["resume", "runs/sweep", "--into", "/srv"], "--into: got '/srv' with 'runs/sweep', which goes on where it is"),
        (["resume", "s3://bucket/sweep", "--address", "auto"], "--into: got 'runs'; expected, on a cluster, the"),
        (["sweep", "moving_dot", "--dashboard", "--address", "auto"], "a cluster has a dashboard of its own"),
        (["sweep", "moving_dot", "--submit", "http://a", "--address", "auto"], "not allowed with argument"),
        (["sweep", "no_such", "--address", "auto", "output_dir=/srv"], "no_such"),
        (
            ["resume", "runs/sweep", "--address", "auto"],
            "SWEEP: got 'runs/sweep'; expected, on a cluster, the absolute",
        ),
    ],
)
def test_bad_options_are_refused_in_one_line(arguments: list[str], told: str) -> None:
    command = [sys.executable, "-m", "rlhp_ray.cli", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("option", ["--submit http://127.0.0.1:8265", "--submit=http://127.0.0.1:8265"])
def test_a_job_gets_the_same_command_without_submit(option: str) -> None:
    words = shlex.split(f"sweep moving_dot --seeds 0-1 {option} 'preferences.labels={{grid: [1, 2]}}' --then-down")
    assert _without_submit(words) == [
        "sweep",
        "moving_dot",
        "--seeds",
        "0-1",
        "preferences.labels={grid: [1, 2]}",
        "--then-down",
    ]
