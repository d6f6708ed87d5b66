"""The files of cluster/: by Ray's schema, by our check of what that misses, and for what each of them has to do."""

import copy
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from cluster_file_check import misspelt
from ray.autoscaler._private.util import prepare_config, validate_config

from rlhp_ray.cli.parser import parse_arguments

pytest.importorskip("botocore", reason="node_config of AWS is held against botocore: pip install boto3")

FOLDER = Path(__file__).resolve().parents[2] / "cluster"
PROJECT = FOLDER.parent
LAUNCHED = ("onprem.yaml", "aws.yaml", "aws-gpu.yaml", "gcp.yaml")
SCRIPTS = sorted([*FOLDER.glob("*.sh"), FOLDER / "slurm.sbatch"])


def read(name: str) -> dict[str, Any]:
    return yaml.safe_load((FOLDER / name).read_text())


@pytest.fixture(autouse=True)
def project_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    """`ray up` is run in it: file_mounts has its files by a relative path."""
    monkeypatch.chdir(PROJECT)


@pytest.mark.parametrize("name", LAUNCHED)
def test_ray_takes_the_file(name: str) -> None:
    validate_config(prepare_config(read(name)))


@pytest.mark.parametrize("name", LAUNCHED)
def test_nothing_in_it_is_misspelt(name: str) -> None:
    assert misspelt(read(name)) == []


def worker(config: dict[str, Any]) -> dict[str, Any]:
    return config["available_node_types"]["cpu_worker"]["node_config"]


def boot_disk(config: dict[str, Any]) -> dict[str, Any]:
    return worker(config)["disks"][0]["initializeParams"]


SLIPS: dict[str, tuple[str, Callable[[dict[str, Any]], Any], str]] = {
    "provider of on-premise": ("onprem.yaml", lambda c: c["provider"].update(worker_ip=[]), "did you mean worker_ips"),
    "provider of AWS": ("aws.yaml", lambda c: c["provider"].update(regoin="x"), "did you mean region"),
    "key": ("aws.yaml", lambda c: worker(c).update(InstanceTyp="x"), "did you mean InstanceType"),
    "key within": ("aws.yaml", lambda c: worker(c)["InstanceMarketOptions"].update(MarketTyp="x"), "mean MarketType"),
    "key of a list": (
        "aws.yaml",
        lambda c: worker(c)["BlockDeviceMappings"][0]["Ebs"].update(Size=1),
        "Ebs.Size: unkn",
    ),
    "instance type": ("aws.yaml", lambda c: worker(c).update(InstanceType="m6i.huge"), "none that AWS has"),
    "no list": ("aws-gpu.yaml", lambda c: worker(c).update(BlockDeviceMappings={}), "expected a list"),
    "provider of Google": ("gcp.yaml", lambda c: c["provider"].update(project="x"), "did you mean project_id"),
    "key of Google": ("gcp.yaml", lambda c: worker(c).update(machinetype="x"), "did you mean machineType"),
    "disk of Google": ("gcp.yaml", lambda c: boot_disk(c).update(diskSize=1), "did you mean diskSizeGb"),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_that_ray_lets_through_is_found(slip: str) -> None:
    name, make, told = SLIPS[slip]
    config = copy.deepcopy(read(name))
    make(config)
    validate_config(prepare_config(copy.deepcopy(config)))  # else it needs no check of ours
    (line,) = misspelt(config)
    assert told in line


@pytest.mark.parametrize("name", LAUNCHED)
def test_every_node_gets_package_token_and_environment(name: str) -> None:
    config = read(name)
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True).stdout.split()
    parts = {".git", *(path.partition("/")[0] for path in listed)}
    token = {"~/.ray/auth_token": "~/.ray/auth_token"}
    assert config["file_mounts"] == token | {f"~/rlhp_ray/{part}": part for part in parts}
    setup = "\n".join(config["setup_commands"])
    assert "install_node.sh" in setup and "node_environment.sh' >> ~/.bashrc" in setup
    environment = (FOLDER / "node_environment.sh").read_text()
    assert "export RAY_AUTH_MODE=token" in environment and "RAY_USAGE_STATS_ENABLED=0" in environment
    assert "-c constraints.txt" in (FOLDER / "install_node.sh").read_text()


@pytest.mark.parametrize("name", LAUNCHED)
def test_the_head_keeps_its_dashboard_to_itself_and_runs_no_trials(name: str) -> None:
    (start,) = [command for command in read(name)["head_start_ray_commands"] if "ray start" in command]
    for option in ("--dashboard-host=127.0.0.1", "--disable-usage-stats", "--num-cpus=0", "rlhp_cluster"):
        assert option in start


@pytest.mark.parametrize("name", ["aws.yaml", "aws-gpu.yaml", "gcp.yaml"])
def test_workers_that_cost_money_come_with_load_and_go_when_idle(name: str) -> None:
    config = read(name)
    assert config["idle_timeout_minutes"] <= 10
    kinds = config["available_node_types"]
    assert all(kind["min_workers"] == 0 for key, kind in kinds.items() if key != config["head_node_type"])
    assert config["provider"].get("cache_stopped_nodes", False) is False


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_bash_reads_every_script(script: Path) -> None:
    done = subprocess.run(["bash", "-n", str(script)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_scripts_that_cluster_files_call_exist() -> None:
    called = {found for name in LAUNCHED for found in re.findall(r"cluster/(\w+\.sh)", (FOLDER / name).read_text())}
    assert called
    assert [name for name in called if not (FOLDER / name).exists()] == []


def kuberay() -> tuple[dict[str, Any], dict[str, Any]]:
    volume, job = yaml.safe_load_all((FOLDER / "kuberay.yaml").read_text())
    return volume, job


def test_the_kubernetes_job_asks_for_a_token_and_ends_its_cluster() -> None:
    volume, job = kuberay()
    assert (volume["kind"], job["kind"], job["apiVersion"]) == ("PersistentVolumeClaim", "RayJob", "ray.io/v1")
    spec = job["spec"]
    assert spec.keys() == {"entrypoint", "shutdownAfterJobFinishes", "ttlSecondsAfterFinished", "rayClusterSpec"}
    assert spec["shutdownAfterJobFinishes"] is True
    cluster = spec["rayClusterSpec"]
    assert cluster["authOptions"] == {"mode": "token"}
    pinned = re.search(r"^ray==(\S+)$", (PROJECT / "constraints.txt").read_text(), re.MULTILINE)
    assert pinned and cluster["rayVersion"] == pinned[1]
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"


def test_its_pods_share_one_volume_and_one_image() -> None:
    volume, job = kuberay()
    cluster = job["spec"]["rayClusterSpec"]
    pods = [group["template"]["spec"] for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])]
    assert {pod["volumes"][0]["persistentVolumeClaim"]["claimName"] for pod in pods} == {volume["metadata"]["name"]}
    assert len({pod["containers"][0]["image"] for pod in pods}) == 1
    (mount,) = {pod["containers"][0]["volumeMounts"][0]["mountPath"] for pod in pods}
    arguments = parse_arguments(shlex.split(job["spec"]["entrypoint"])[1:])
    assert arguments.address == "auto" and f"output_dir={mount}/runs" in arguments.overrides
