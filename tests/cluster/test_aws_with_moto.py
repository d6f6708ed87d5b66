"""cluster/aws.yaml against moto in the place of Amazon, whose instances are simulated hosts: launch, sweep, idle, end.

Workers come with a sweep and go when idle, and the results reach a bucket. The tests are one story, in their order.
"""

import json
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from simulated_cluster import HOSTS, RUNS, SMALL_SWEEP, WORKERS, SimulatedCluster
from simulated_hosts import LAPTOP, PROJECT, SimulatedHosts, why_not

pytestmark = pytest.mark.cluster

IMAGE = "ami-12c6146b"  # that moto knows
BUCKET = "results"
AMAZON = {
    "AWS_ENDPOINT_URL": "http://172.31.0.1:5000",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-west-2",
    "AWS_EC2_METADATA_DISABLED": "true",
}
_IDLE_SECONDS = 300.0  # a minute of idling, and the autoscaler's rounds
_STATES = """
import boto3, json
found = boto3.client("ec2").describe_instances()["Reservations"]
print(json.dumps([each["State"]["Name"] for group in found for each in group["Instances"]]))
"""
_BUCKET = f"""
import boto3
boto3.client("s3").create_bucket(Bucket="{BUCKET}", CreateBucketConfiguration={{"LocationConstraint": "us-west-2"}})
"""
_FILES = f"""
import boto3, json
pages = boto3.client("s3").get_paginator("list_objects_v2").paginate(Bucket="{BUCKET}")
print(json.dumps([each["Key"] for page in pages for each in page.get("Contents", [])]))
"""


def aws_config() -> dict[str, Any]:
    """cluster/aws.yaml, small, and without what moto's instances cannot do: mount a disk, install packages."""
    config = yaml.safe_load((PROJECT / "cluster" / "aws.yaml").read_text())
    config |= {"max_workers": 2, "idle_timeout_minutes": 1, "initialization_commands": []}
    config["provider"]["use_internal_ips"] = True
    for kind in config["available_node_types"].values():
        kind["node_config"] |= {"ImageId": IMAGE, "KeyName": "rlhp"}
    config["available_node_types"]["cpu_worker"] |= {"max_workers": 2, "resources": {"CPU": 1}}
    config["setup_commands"] = [line for line in config["setup_commands"] if "prepare_debian.sh" not in line]
    del config["head_setup_commands"], config["worker_setup_commands"]  # the hosts share /srv/rlhp already
    return config


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedHosts]:
    pytest.importorskip("moto", reason="needs moto: pip install 'moto[server,ec2,iam,s3]'")
    if (reason := why_not()) is not None:
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("hosts")
    made = SimulatedHosts(folder, HOSTS, "172.31.0", first=4, environment=AMAZON)  # moto's first addresses
    try:
        words = made.command(LAPTOP, "env", "MOTO_IAM_LOAD_MANAGED_POLICIES=true", "moto_server")
        with (
            (folder / "moto.log").open("wb") as log,
            subprocess.Popen(
                [*words, "--host", "172.31.0.1", "--port", "5000"], stdout=log, stderr=log, stdin=subprocess.DEVNULL
            ),
        ):
            _wait(lambda: made.run(LAPTOP, "python", "-c", _BUCKET).returncode == 0, 60.0)
            yield made
            made.switch_off(LAPTOP)  # and with it moto
    finally:
        made.close()


@pytest.fixture(scope="module")
def cluster(hosts: SimulatedHosts) -> SimulatedCluster:
    launched = SimulatedCluster(hosts, aws_config(), exports=AMAZON)
    launched.up()
    return launched


def running(hosts: SimulatedHosts) -> int:
    """Instances that would be billed."""
    states = json.loads(hosts.run(LAPTOP, "python", "-c", _STATES).stdout)
    return len([state for state in states if state not in ("terminated", "shutting-down")])


def _wait(holds: Any, limit_seconds: float) -> None:
    deadline = time.monotonic() + limit_seconds
    while not holds():
        assert time.monotonic() < deadline, f"it did not come within {limit_seconds:.0f} s"
        time.sleep(1.0)


def test_the_head_alone_is_launched(cluster: SimulatedCluster) -> None:
    assert running(cluster.hosts) == 1


def test_workers_come_with_a_sweep_and_its_results_reach_the_bucket(cluster: SimulatedCluster) -> None:
    with cluster.tunnel() as address:
        words = [*SMALL_SWEEP, "name=sweep", "--submit", address, "--copy-to", f"s3://{BUCKET}/runs"]
        done = cluster.rlhp(LAPTOP, *words)
    assert (done.returncode, done.stdout) == (0, f"{RUNS}/sweep\n"), done.stderr
    assert {f"runs on {name}" in done.stderr for name in WORKERS} == {True}, done.stderr
    files = json.loads(cluster.hosts.run(LAPTOP, "python", "-c", _FILES).stdout)
    for file in ("report.html", "results.csv", "seed0/summary.json", "seed1/preferences.sqlite"):
        assert f"runs/sweep/{file}" in files


def test_workers_are_terminated_when_idle(cluster: SimulatedCluster) -> None:
    _wait(lambda: running(cluster.hosts) == 1, _IDLE_SECONDS)


def test_ray_down_terminates_the_head(cluster: SimulatedCluster) -> None:
    cluster.down()
    assert running(cluster.hosts) == 0
