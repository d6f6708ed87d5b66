"""What the faults of hosts cost a sweep: each several times, at random moments, on a cluster of simulated hosts.

    .venv/bin/python benchmarks/host_faults.py [--faults NAME ...] [--repeats 3] [--seed 0] [--rows FAULTS.jsonl]

As root. Each time a cluster of a head and two workers is launched by `ray up` from cluster/onprem.yaml, as in
`tests/cluster`, and a sweep of two seeds of a short MovingDot runs on it, a trial on each worker, results on the
storage that all hosts share. Beside it stands the same sweep without a fault. Prints a row a repeat, and a Markdown
table at the end, as `benchmarks/faults.py` does. Faults:

- `worker-off`: the host of the first trial loses its power, for good.
- `worker-cut`: its cable is out for 30 s.
- `head-off`: the head loses its power, and is switched on; `ray up`, and `rlhp resume` there. The row is the first
  trial's.

`detected` is from the fault until the sweep's driver has counted it in the trial's `failures.json`; `resumed` until the
trial has more env steps than it had, which holds the training after its last checkpoint; of `head-off` it holds boot,
`ray up` (and the wait for the workers) and the start of `rlhp resume`. All hosts share this machine's processors.
"""

import argparse
import json
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from fault_rows import FaultRows, Row, Times
from faults import LABELS, MOMENTS, SHORT
from killable_run import labels_in, last_env_steps

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "cluster"))

from simulated_cluster import HOSTS, RUNS, SimulatedCluster, onprem_config
from simulated_hosts import SimulatedHosts, why_not

ENV_STEPS = 80_000  # of a trial: two of them go on for most of a minute
CUT_SECONDS = 30.0
TIMEOUT_SECONDS = 400.0


class HostedSweep:
    """A sweep of two seeds that its driver, on the head, runs; its results are read where the hosts share them.

    Args:
        cluster: that is up.
        seed: of the first trial, which is watched.
    """

    def __init__(self, cluster: SimulatedCluster, seed: int) -> None:
        self.cluster, self._hosts = cluster, cluster.hosts
        self._sweep = self._hosts.shared / "runs" / "sweep"
        self.trial = self._sweep / f"seed{seed}"
        self._told = self._hosts.folder / "driver.log"
        settings = [word for word in SHORT if not word.startswith("training.env_steps")]
        seeds = f"{seed}-{seed + 1}"
        self.driver = self._start(
            "sweep", "moving_dot", "--seeds", seeds, "name=sweep", f"output_dir={RUNS}", *settings,
            f"training.env_steps={ENV_STEPS}", "mode=sync", "--address", "auto",
        )  # fmt: skip

    def _start(self, *words: str) -> subprocess.Popen[bytes]:
        command = self._hosts.command("head", sys.executable, "-m", "rlhp_ray.cli", *words)
        with self._told.open("ab") as told:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=told, stderr=told)

    def resume(self) -> None:
        """`rlhp resume` on the head."""
        self.driver = self._start("resume", f"{RUNS}/sweep", "--address", "auto")

    def env_steps(self) -> int:
        """Of the watched trial so far."""
        return last_env_steps(self.trial / "metrics.csv")

    def checkpoint_env_steps(self) -> int:
        """At which the watched trial could be gone on from."""
        counts = self.trial / "checkpoints" / "last" / "preference_training" / "counts.json"
        return json.loads(counts.read_text())["env_steps"]

    def host(self) -> str:
        """Of the watched trial."""
        found = re.findall(rf"{self.trial.name}\s+runs on (\S+)", self._told.read_text())
        if not found:
            sys.exit(f"{self._told} does not tell where {self.trial.name} runs")
        return found[-1]

    def wait_for(self, is_reached: Callable[[], bool]) -> None:
        """Until it has come to that. Ends this command where it does not, or the driver ends before."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not is_reached():
            if time.monotonic() > deadline or (self.driver.poll() is not None and not is_reached()):
                sys.exit(f"{self._sweep} did not come on; its driver said: {self._told.read_text()[-3000:]}")
            time.sleep(0.05)

    def summary(self) -> dict:
        """Of the watched trial, once the sweep has ended."""
        self.wait_for(lambda: self.driver.poll() is not None)
        return json.loads((self.trial / "summary.json").read_text())


def _noticed(sweep: HostedSweep, before: int, began: float) -> Times:
    lost = before - sweep.checkpoint_env_steps()
    sweep.wait_for((sweep.trial / "failures.json").exists)
    detected = time.monotonic() - began
    sweep.wait_for(lambda: sweep.env_steps() > before)
    return Times(detected, time.monotonic() - began, lost)


def switch_worker_off(sweep: HostedSweep) -> Times:
    """For good."""
    host = sweep.host()
    before, began = sweep.env_steps(), time.monotonic()
    sweep.cluster.hosts.cut_power(host)
    return _noticed(sweep, before, began)


def cut_worker_off(sweep: HostedSweep) -> Times:
    """Its cable is out for a while; what still runs on it then meets a cluster that has given it up."""
    hosts, host = sweep.cluster.hosts, sweep.host()
    before, began = sweep.env_steps(), time.monotonic()
    hosts.unplug(host)
    times = _noticed(sweep, before, began)
    time.sleep(max(0.0, began + CUT_SECONDS - time.monotonic()))
    hosts.plug_in(host)
    return times


def switch_head_off_and_on(sweep: HostedSweep) -> Times:
    """And go on as a person would."""
    cluster = sweep.cluster
    before, began = sweep.env_steps(), time.monotonic()
    lost = before - sweep.checkpoint_env_steps()
    cluster.hosts.cut_power("head")
    sweep.driver.wait()
    cluster.hosts.plug_in("head")
    cluster.hosts.switch_on("head")
    cluster.up()
    cluster.wait_for_nodes()
    sweep.resume()
    sweep.wait_for(lambda: sweep.env_steps() > before)
    return Times(None, time.monotonic() - began, lost)


FAULTS: dict[str, Callable[[HostedSweep], Times]] = {
    "worker-off": switch_worker_off,
    "worker-cut": cut_worker_off,
    "head-off": switch_head_off_and_on,
}


def sweep_with(fault: str | None, seed: int, undisturbed_return: float | None) -> Row:
    """One sweep on a cluster of its own, with a fault at a moment that the seed decides, or without one."""
    rng = random.Random(f"{fault} {seed}")
    at_env_steps = round(rng.uniform(*MOMENTS) * ENV_STEPS)
    with tempfile.TemporaryDirectory(prefix="rlhp-hosts-") as folder:
        hosts = SimulatedHosts(Path(folder), HOSTS)
        try:
            cluster = SimulatedCluster(hosts, onprem_config(hosts))
            cluster.up()
            cluster.wait_for_nodes()
            sweep = HostedSweep(cluster, seed)
            acknowledged: list[tuple] = []
            times = Times()
            if fault is not None:
                sweep.wait_for(lambda: sweep.env_steps() >= at_env_steps)
                time.sleep(rng.uniform(0, 0.3))
                acknowledged = labels_in(sweep.trial)
                times = FAULTS[fault](sweep)
            summary = sweep.summary()
            labels = labels_in(sweep.trial)
        finally:
            hosts.close()
    name = fault or "none"
    return Row.of(name, "sync", seed, at_env_steps, times, acknowledged, labels, LABELS, summary, undisturbed_return)


def main() -> None:
    """Disturb, print a row each, then the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faults", nargs="+", choices=FAULTS, default=list(FAULTS))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0, help="of the first repeat; the next ones are two apart")
    parser.add_argument("--rows", type=Path, help="file to keep the rows in, and to take earlier ones from")
    arguments = parser.parse_args()
    if (reason := why_not()) is not None:
        sys.exit(f"host_faults: {reason}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the hosts are switched off
    rows = FaultRows(arguments.rows)
    returns = {row.seed: row.undisturbed_return for row in rows.all}
    done = {(row.fault, row.seed) for row in rows.all}
    for seed in range(arguments.seed, arguments.seed + 2 * arguments.repeats, 2):
        for fault in arguments.faults:
            if (fault, seed) in done:
                continue
            if seed not in returns:
                returns[seed] = sweep_with(None, seed, None).true_return
            rows.add(sweep_with(fault, seed, returns[seed]))
    print(rows.table())


if __name__ == "__main__":
    main()
