"""A cluster of two worker hosts, from `ray up` to `ray down`: a sweep from a laptop, and what is refused on the way.

The tests are one story, and run in their order.
"""

import contextlib
import csv
import json
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from simulated_cluster import HOSTS, RUNS, SMALL_SWEEP, WORKERS, SimulatedCluster, onprem_config
from simulated_hosts import LAPTOP, SimulatedHosts, why_not

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedHosts]:
    if (reason := why_not()) is not None:
        pytest.skip(reason)
    made = SimulatedHosts(tmp_path_factory.mktemp("hosts"), HOSTS)
    yield made
    made.close()


@pytest.fixture(scope="module")
def cluster(hosts: SimulatedHosts) -> SimulatedCluster:
    launched = SimulatedCluster(hosts, onprem_config(hosts))
    launched.up()
    return launched


@pytest.fixture(scope="module")
def dashboard(cluster: SimulatedCluster) -> Iterator[str]:
    with cluster.tunnel() as address:
        yield address


@pytest.fixture(scope="module")
def submitted(cluster: SimulatedCluster, dashboard: str) -> subprocess.CompletedProcess[str]:
    return cluster.rlhp(LAPTOP, *SMALL_SWEEP, "name=sweep", "--submit", dashboard)


def test_the_dashboard_answers_those_who_have_the_token(cluster: SimulatedCluster, dashboard: str) -> None:
    answers = [cluster.dashboard_answer(token) for token in (cluster.token, "another", None)]
    assert answers == [200, 403, 401]


def test_the_dashboard_is_on_the_heads_loopback_only(cluster: SimulatedCluster, dashboard: str) -> None:
    address = cluster.hosts.address["head"]
    asked = cluster.hosts.run(LAPTOP, "curl", "--silent", "--max-time", "5", f"http://{address}:8265/api/version")
    assert asked.returncode == 7, "curl's code for a refused connection"


def test_a_submitted_sweep_runs_one_trial_on_each_worker(submitted: subprocess.CompletedProcess[str]) -> None:
    assert submitted.returncode == 0, submitted.stderr
    assert submitted.stdout == f"{RUNS}/sweep\n"
    assert {f"runs on {name}" in submitted.stderr for name in WORKERS} == {True}
    assert "Traceback" not in submitted.stderr


def test_its_results_are_on_the_shared_storage(
    cluster: SimulatedCluster, submitted: subprocess.CompletedProcess[str]
) -> None:
    sweep = cluster.hosts.shared / "runs" / "sweep"
    with (sweep / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["trial"], row["status"], row["labels"]) for row in rows] == [
        ("seed0", "done", "20"),
        ("seed1", "done", "20"),
    ]
    assert "2 runs: 2 done" in (sweep / "report.html").read_text()
    for seed in (0, 1):
        run = sweep / f"seed{seed}"
        assert json.loads((run / "summary.json").read_text())["env_steps"] >= 4000
        assert (run / "checkpoints" / "last" / "inference").is_dir()
        with contextlib.closing(sqlite3.connect(run / "preferences.sqlite")) as database:
            assert database.execute("SELECT COUNT(*) FROM preferences").fetchone() == (20,)


def test_the_token_is_in_no_file_of_it(cluster: SimulatedCluster, submitted: subprocess.CompletedProcess[str]) -> None:
    secret = cluster.token.encode()
    files = [file for file in (cluster.hosts.shared / "runs").rglob("*") if file.is_file()]
    assert files
    assert [file for file in files if secret in file.read_bytes()] == []


def test_the_same_sweep_from_the_head_comes_to_the_same(
    cluster: SimulatedCluster, submitted: subprocess.CompletedProcess[str]
) -> None:
    done = cluster.rlhp("head", *SMALL_SWEEP, "name=from-head", "--address", "auto")
    assert done.returncode == 0, done.stderr
    runs = cluster.hosts.shared / "runs"

    def returns(sweep: Path) -> list[float]:
        found = [json.loads((sweep / f"seed{seed}" / "summary.json").read_text()) for seed in (0, 1)]
        return [summary["true_return_mean"] for summary in found]

    assert returns(runs / "from-head") == returns(runs / "sweep")


@pytest.mark.parametrize(
    ("host", "words", "told"),
    [
        ("head", ["output_dir=/root/runs", "--address", "auto"], "is not shared by all 3 nodes"),
        ("head", ["training.rllib.num_gpus_per_learner=1", "--address", "auto"], "trial seed0 needs 1 GPU"),
        ("head", ["--trial-cpus", "64", "--address", "auto"], "trial seed0 needs 64 CPU"),
        (LAPTOP, ["--address", "auto"], "this machine is no node of a running cluster"),
        (LAPTOP, ["--address", "10.77.0.2:6379"], "is no node of the cluster at 10.77.0.2:6379"),
        (LAPTOP, ["--address", "10.77.0.2:22"], "no cluster answers at 10.77.0.2:22"),
        (LAPTOP, ["--submit", "http://127.0.0.1:9"], "no Ray dashboard answers"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_queued(
    cluster: SimulatedCluster, host: str, words: list[str], told: str
) -> None:
    done = cluster.rlhp(host, *SMALL_SWEEP, "name=refused", *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert told in done.stderr and "Traceback" not in done.stderr
    assert not (cluster.hosts.shared / "runs" / "refused").exists()
    assert not (cluster.hosts.folder / "head" / "root" / "runs").exists()


def test_a_single_run_on_a_node_has_a_ray_of_its_own(cluster: SimulatedCluster) -> None:
    small = [word for word in SMALL_SWEEP[4:] if not word.startswith("output_dir")]
    done = cluster.rlhp("head", "train", "moving_dot", *small, "name=own", f"output_dir={RUNS}")
    assert (done.returncode, done.stdout) == (0, f"{RUNS}/own\n"), done.stderr


def test_ray_down_leaves_no_process_on_any_host(cluster: SimulatedCluster, dashboard: str) -> None:
    cluster.down()
    assert cluster.wait_until_gone() == {}


def test_a_cluster_takes_itself_down_when_its_sweep_is_done(cluster: SimulatedCluster) -> None:
    cluster.up()
    with cluster.tunnel() as address:
        done = cluster.rlhp(LAPTOP, *SMALL_SWEEP, "name=last", "--submit", address, "--then-down")
    assert (done.returncode, done.stdout) == (0, f"{RUNS}/last\n"), done.stderr
    assert "the cluster is taken down" in done.stderr
    assert cluster.wait_until_gone() == {}
    assert (cluster.hosts.shared / "runs" / "last" / "report.html").exists()
