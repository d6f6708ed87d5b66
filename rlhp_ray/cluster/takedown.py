"""`--then-down`: the cluster ends itself, from its head, when the sweep is done."""

import subprocess
from pathlib import Path

import ray

from rlhp_ray.cluster.launch_file import OUR_RESOURCE, Launch
from rlhp_ray.errors import ClusterError

LOG_FILE = "then_down.log"
DELAY_SECONDS = 15  # for the job's log and exit code to be fetched


def require_our_cluster(launch: Launch | None, output_dir: Path, *, is_copied: bool) -> Launch:
    """The launch of the cluster that this process has joined, if its head may end it.

    Args:
        launch: as this machine knows it.
        output_dir: that the results are in, which exists.
        is_copied: whether they are copied elsewhere before the end.

    Raises:
        ClusterError: it was launched by other files than those of cluster/, this is not its head, or the results would
            go with the head.
    """
    if launch is None or OUR_RESOURCE not in ray.cluster_resources():
        raise ClusterError(
            "--then-down: this cluster was not launched by `ray up` with a file of cluster/, or this machine is not "
            "its head; expected one that was, since others may be at work on it. Leave out --then-down."
        )
    on_own_disk = output_dir.stat().st_dev == Path.home().stat().st_dev
    if launch.provider != "local" and on_own_disk and not is_copied:
        raise ClusterError(
            f"--then-down: {output_dir} is on the head's own disk, which is deleted with it; expected the results to "
            "be copied elsewhere. Add --copy-to s3://BUCKET/PATH, or leave out --then-down."
        )
    return launch


def take_down_soon(launch: Launch, directory: Path) -> None:
    """Start a process that runs `ray down` a little later, and that survives this one and Ray.

    Args:
        launch: of the cluster.
        directory: of the sweep, in which its log is written.
    """
    script = f'sleep {DELAY_SECONDS}; exec ray down --yes "$0"'
    with (directory / LOG_FILE).open("ab") as log:
        subprocess.Popen(
            ["sh", "-c", script, str(launch.file)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
