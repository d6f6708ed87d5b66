"""Joins a running cluster for one command, as its driver."""

import contextlib
import logging
from collections.abc import Iterator

import ray

from rlhp_ray.cluster.address import cluster_address
from rlhp_ray.cluster.greeting import greet
from rlhp_ray.cluster.token import enable_token
from rlhp_ray.errors import ClusterError
from rlhp_ray.experiment.ray_session import NUM_THREADS, quiet_ray


@contextlib.contextmanager
def cluster_session(address: str) -> Iterator[str]:
    """Be a driver of the cluster while the context lasts; gives its `host:port`. The cluster itself goes on.

    Args:
        address: `auto` or `host:port`, checked.

    Raises:
        ClusterError: there is none, or it does not let this process in.
    """
    found = cluster_address(address)
    if greet(found):
        enable_token()
    quiet_ray()
    try:
        ray.init(
            address=found,
            log_to_driver=False,
            logging_level=logging.ERROR,
            runtime_env={"env_vars": {"OMP_NUM_THREADS": NUM_THREADS}},
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ClusterError(f"the cluster at {found} was not joined: {' '.join(str(error).split())}") from error
    try:
        yield found
    finally:
        ray.shutdown()
