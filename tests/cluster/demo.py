"""`make demo-cluster`: what cluster/README.md tells a person to do, done on simulated hosts of this machine, as root.

Copies the sweep to `runs/` and ends with its directory; exits 1 where a step failed or Ray left a process behind.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from simulated_cluster import HOSTS, RUNS, SMALL_SWEEP, SimulatedCluster, onprem_config
from simulated_hosts import LAPTOP, PROJECT, SimulatedHosts, why_not

NAME = "demo-cluster"


def say(text: str) -> None:
    print(f"\n== {text}", file=sys.stderr, flush=True)


def run(hosts: SimulatedHosts) -> int:
    """All steps; the exit code."""
    say("laptop: ray get-auth-token --generate; ray up --yes cluster/onprem.yaml")
    cluster = SimulatedCluster(hosts, onprem_config(hosts))
    cluster.up()
    say("laptop: ray dashboard cluster/onprem.yaml")
    with cluster.tunnel() as address:
        told = {"with the token": cluster.token, "without": None}
        answers = ", ".join(f"{cluster.dashboard_answer(token)} {how}" for how, token in told.items())
        print(f"{address} answers {answers}", file=sys.stderr)
        words = [*SMALL_SWEEP, f"name={NAME}", "--submit", address]
        say("laptop: rlhp " + " ".join(words))
        done = subprocess.run(hosts.command(LAPTOP, sys.executable, "-m", "rlhp_ray.cli", *words), check=False)
    say("laptop: ray down --yes cluster/onprem.yaml")
    cluster.down()
    left = cluster.wait_until_gone()
    print(f"processes left on {', '.join(HOSTS)}: {left or 'none'}", file=sys.stderr)
    return 1 if done.returncode or left else 0


def main() -> int:
    if (reason := why_not()) is not None:
        print(f"demo-cluster: {reason}", file=sys.stderr)
        return 1
    kept = PROJECT / "runs" / NAME
    if kept.exists():
        print(f"demo-cluster: {kept} exists and is left alone; move it away first", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="rlhp-hosts-") as folder:
        hosts = SimulatedHosts(Path(folder), HOSTS)
        try:
            code = run(hosts)
        finally:
            hosts.close()
        written = hosts.shared / Path(RUNS).name / NAME
        if written.is_dir():
            kept.parent.mkdir(exist_ok=True)
            shutil.copytree(written, kept, symlinks=True)
            print(kept)
    return code


if __name__ == "__main__":
    sys.exit(main())
