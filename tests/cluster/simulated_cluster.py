"""A cluster of simulated hosts, launched by `ray up` from cluster/onprem.yaml as a person would launch it."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from simulated_hosts import KEY, LAPTOP, PROJECT, SHARED, SimulatedHosts

WORKERS = ("worker1", "worker2")
HOSTS = ("head", *WORKERS)
CLUSTER_FILE = "/root/onprem.yaml"  # on the laptop
DASHBOARD = "http://127.0.0.1:8265"
RUNS = f"{SHARED}/runs"
SMALL_SWEEP = (  # two trials of some seconds each
    "sweep", "moving_dot", "--seeds", "0-1", "training.env_steps=4000", "training.checkpoint_interval_env_steps=1000",
    "training.rllib.train_batch_size_per_learner=500", "preferences.labels=20", "evaluation.episodes=20",
    f"output_dir={RUNS}",
)  # fmt: skip
_JOINED_SECONDS = 120.0
_GONE_SECONDS = 300.0  # workers of one's own leave a minute or two after the head


def onprem_config(hosts: SimulatedHosts) -> dict[str, Any]:
    """cluster/onprem.yaml with the addresses of simulated hosts."""
    config = yaml.safe_load((PROJECT / "cluster" / "onprem.yaml").read_text())
    config["provider"] |= {
        "head_ip": hosts.address["head"],
        "worker_ips": [hosts.address[name] for name in WORKERS],
    }
    return config


class SimulatedCluster:
    """Commands of a person at the laptop.

    Args:
        hosts: a laptop and `HOSTS`, on.
        config: a file of cluster/ with their addresses.
        exports: environment of every shell on a node, beside what the file gives it.
    """

    def __init__(self, hosts: SimulatedHosts, config: dict[str, Any], exports: Mapping[str, str] | None = None) -> None:
        self.hosts = hosts
        config["auth"] = {"ssh_user": "root", "ssh_private_key": KEY}
        # In the place of an installation from PyPI, which the hosts do not reach: this machine's environment.
        (install,) = [number for number, line in enumerate(config["setup_commands"]) if "install_node.sh" in line]
        told = {"PYTHONPATH": "$HOME/rlhp_ray", **(exports or {})}
        lines = "; ".join(f"echo 'export {name}={value}' >> ~/.bashrc" for name, value in told.items())
        config["setup_commands"][install] = f"ln -sfn {sys.prefix} ~/rlhp-env; {lines}"
        self._file(LAPTOP, CLUSTER_FILE).write_text(yaml.safe_dump(config))
        self.token = hosts.run(LAPTOP, "ray", "get-auth-token", "--generate").stdout.strip()

    def _file(self, host: str, path: str) -> Path:
        return self.hosts.folder / host / path.lstrip("/")

    def up(self) -> None:
        """`ray up`. Raises RuntimeError where it fails."""
        self._checked(self.hosts.run(LAPTOP, "ray", "up", "--yes", CLUSTER_FILE))

    def down(self) -> None:
        """`ray down`. Raises RuntimeError where it fails; Ray says that it did well even where it did not."""
        self._checked(self.hosts.run(LAPTOP, "ray", "down", "--yes", CLUSTER_FILE))

    def _checked(self, done: subprocess.CompletedProcess[str]) -> None:
        if done.returncode:
            raise RuntimeError(f"{done.args[-4:]}: {done.stdout[-2000:]}{done.stderr[-2000:]}")

    @contextlib.contextmanager
    def tunnel(self) -> Iterator[str]:
        """`ray dashboard` while the context lasts; gives the address on the laptop."""
        words = self.hosts.command(LAPTOP, "ray", "dashboard", CLUSTER_FILE)
        quiet = subprocess.DEVNULL
        with subprocess.Popen(words, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True) as tunnel:
            try:
                self._wait("the dashboard", lambda: self.dashboard_answer(self.token) == 200, 30.0)
                yield DASHBOARD
            finally:
                os.killpg(tunnel.pid, signal.SIGTERM)  # and its ssh

    def dashboard_answer(self, token: str | None) -> int:
        """HTTP status with which the dashboard's first page of data is answered at the laptop; 0 for none."""
        header = [] if token is None else ["--header", f"Authorization: Bearer {token}"]
        words = ["curl", "--silent", "--max-time", "5", "--output", "/dev/null", "--write-out", "%{http_code}", *header]
        done = self.hosts.run(LAPTOP, *words, f"{DASHBOARD}/api/version")
        return int(done.stdout or 0)

    def rlhp(self, host: str, *words: str, timeout: float = 600.0) -> subprocess.CompletedProcess[str]:
        """One command of ours on a host, to its end."""
        return self.hosts.run(host, sys.executable, "-m", "rlhp_ray.cli", *words, timeout=timeout)

    def wait_for_nodes(self) -> None:
        """Wait until every host has joined. Raises TimeoutError where one does not."""
        program = "import ray; ray.init('auto', log_to_driver=False); print(sum(n['Alive'] for n in ray.nodes()))"

        def joined() -> bool:
            return self.hosts.run("head", sys.executable, "-c", program).stdout.strip() == str(len(HOSTS))

        self._wait("the last host", joined, _JOINED_SECONDS)

    def wait_until_gone(self) -> dict[str, list[str]]:
        """Wait until no process is left on any host of the cluster; what is left on which after a while."""
        with contextlib.suppress(TimeoutError):
            self._wait("", lambda: not self._left(), _GONE_SECONDS)
        return self._left()

    def _left(self) -> dict[str, list[str]]:
        left = {name: self.hosts.processes(name) for name in HOSTS}
        return {name: lines for name, lines in left.items() if lines}

    def _wait(self, what: str, holds: Callable[[], bool], limit_seconds: float) -> None:
        deadline = time.monotonic() + limit_seconds
        while not holds():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what} did not come within {limit_seconds:.0f} s")
            time.sleep(0.5)
