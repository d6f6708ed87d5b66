"""Ray for one command: started on this machine alone, on loopback, without usage statistics, and shut down after it."""

import contextlib
import logging
import os
from collections.abc import Iterator

MIN_CPUS = 2  # one for the trial, one for its reward learner; on a smaller machine they share
OBJECT_STORE_BYTES = 512 * 10**6  # clips and weights in flight; pixels need the most, about 50 MB
TASK_EVENTS = "2000"  # for the dashboard to list, 4 kB each; Ray's 100,000 fill up for half an hour
NUM_THREADS = "1"  # of every process: two multi-threaded PyTorch processes on two cores slow each other


def quiet_ray() -> None:
    """Settings of this process that are to be made before Tune is imported: no usage statistics, no output but ours."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("OMP_NUM_THREADS", NUM_THREADS)
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"  # our own callbacks write metrics.csv and TensorBoard
    os.environ["TUNE_DISABLE_SIGINT_HANDLER"] = "1"  # Ctrl-C checkpoints the trial first, see interrupts.py
    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"
    import ray  # noqa: F401  # which sets up its own logging

    logging.getLogger("ray").setLevel(logging.ERROR)
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # a failed trial is reported once, by us


@contextlib.contextmanager
def ray_session(num_env_runners: int, dashboard: bool) -> Iterator[str | None]:
    """Start Ray and give the address of its dashboard, or None where none was asked for.

    Args:
        num_env_runners: remote env runners of the trial, each of which takes a CPU.
        dashboard: serve Ray's dashboard, on loopback.
    """
    quiet_ray()
    os.environ.setdefault("RAY_task_events_max_num_task_in_gcs", TASK_EVENTS)
    import ray

    context = ray.init(
        address="local",  # on a node of a cluster, too, which Ray would join otherwise
        num_cpus=max(MIN_CPUS + num_env_runners, os.cpu_count() or 1),
        include_dashboard=dashboard,
        dashboard_host="127.0.0.1",
        log_to_driver=False,
        logging_level=logging.ERROR,
        object_store_memory=OBJECT_STORE_BYTES,
    )
    try:
        yield f"http://{context.dashboard_url}" if dashboard and context.dashboard_url else None
    finally:
        ray.shutdown()
