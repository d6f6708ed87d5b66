"""`--submit`: the same command as a job of a cluster that is reached through its dashboard, and its log here."""

import asyncio
import json
import logging
import shlex
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlhp_ray.cluster.token import enable_token, find_token, token_problem
from rlhp_ray.errors import ClusterError, ConfigError

TIMEOUT_SECONDS = 4.0
_TAIL_CHARS = 4096  # more than a path has


@dataclass(frozen=True)
class JobEnd:
    """How a job ended.

    Args:
        exit_code: of the command.
        directory: on the cluster's storage that it wrote; None where its log tells none.
    """

    exit_code: int
    directory: str | None


def check_dashboard(url: str) -> None:
    """Make sure that a job can be submitted there.

    Raises:
        ConfigError: not an http address.
        ClusterError: nothing answers, it is no dashboard, the token is missing or wrong, or another version of Ray.
    """
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ConfigError(f"--submit: got {url!r}; expected a dashboard's address, such as http://127.0.0.1:8265")
    token = find_token()
    request = urllib.request.Request(f"{url.rstrip('/')}/api/version")
    if token is not None:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as reply:
            version = json.load(reply)["ray_version"]
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            raise ClusterError(token_problem(token, f"the dashboard at {url}")) from error
        raise ClusterError(_no_dashboard(url, f"it answers {error.code} {error.reason}")) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ClusterError(_no_dashboard(url, str(getattr(error, "reason", error)))) from error
    import ray

    if version != ray.__version__:
        raise ClusterError(
            f"the cluster at {url} runs Ray {version}, and this machine {ray.__version__}; expected one version on "
            "both. Install the environment of constraints.txt, see cluster/README.md."
        )


def _no_dashboard(url: str, reason: str) -> str:
    return (
        f"no Ray dashboard answers at {url} ({reason}); expected one. Start the tunnel in another terminal with "
        "`ray dashboard cluster/FILE.yaml`."
    )


def submit_and_follow(url: str, words: Sequence[str], config_file: Path | None) -> JobEnd:
    """Run a command line of `rlhp` on the cluster's head, and show its log on standard error until it ends.

    Args:
        url: of the dashboard, checked.
        words: of the command, `rlhp` left out.
        config_file: that the command reads; it is sent along, into the directory that the command runs in.

    Raises:
        ClusterError: the connection breaks (the job goes on then, and the message tells how to follow it again), or the
            job was killed, or could not be started.
    """
    if find_token() is not None:
        enable_token()
    from ray.job_submission import JobSubmissionClient

    logging.disable(logging.INFO)  # Ray's clients set levels of their own
    client = JobSubmissionClient(url)
    with tempfile.TemporaryDirectory() as folder:
        if config_file is not None:
            Path(folder, config_file.name).write_bytes(config_file.read_bytes())
        job = client.submit_job(entrypoint=shlex.join(["rlhp", *words]), runtime_env={"working_dir": folder})
    again = f"ray job logs --follow --address {url} {job}"
    print(f"job {job}; to stop it: ray job stop --address {url} {job}", file=sys.stderr, flush=True)
    try:
        last = asyncio.run(_show_log(client, job))
        info = client.get_job_info(job)
    except KeyboardInterrupt:
        print(f"\nthe job goes on; to follow it again: {again}", file=sys.stderr, flush=True)
        raise
    except (RuntimeError, OSError) as error:
        raise ClusterError(f"the connection to {url} broke, the job goes on; to follow it again: {again}") from error
    if info.driver_exit_code is None:
        raise ClusterError(f"job {job} ended as {info.status} without running to its end: {info.message}")
    return JobEnd(info.driver_exit_code, last if last.startswith("/") else None)


async def _show_log(client: Any, job: str) -> str:
    """Print the log as it grows; returns its last line."""
    tail = ""
    async for text in client.tail_job_logs(job):
        sys.stderr.write(text)
        sys.stderr.flush()
        tail = (tail + text)[-_TAIL_CHARS:]
    lines = tail.rstrip().splitlines()
    return lines[-1] if lines else ""
