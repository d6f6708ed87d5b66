"""Whether every node sees the directory that a sweep writes to: asked before a trial starts, of each node itself."""

import contextlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from rlhp_ray.errors import ClusterError

TIMEOUT_SECONDS = 60.0  # for all nodes together; starting a process on a busy one takes some of it


def answer_probe(directory: str, name: str, word: str, node: str) -> str | None:
    """Read what the driver wrote, and write an answer beside it.

    Args:
        directory: that is shared.
        name: of the file in it.
        word: that the file holds.
        node: whose answer it is.

    Returns:
        What is wrong, None where nothing is.
    """
    try:
        found = Path(directory, name).read_text(encoding="utf-8")
        if found != word:
            return "holds another file of that name"
        Path(directory, f"{name}.{node}").write_text(word, encoding="utf-8")
    except FileNotFoundError:
        return "does not see what the driver wrote there"
    except OSError as error:
        return error.strerror or str(error)
    return None


def require_shared(directory: Path) -> None:
    """Write, read and delete files in a directory from every node that is alive; it is made where it is missing.

    Raises:
        ClusterError: nodes that cannot, each with its reason.
    """
    existed = directory.exists()
    nodes = {node["NodeID"]: node["NodeManagerAddress"] for node in ray.nodes() if node["Alive"]}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        problems = _probe(directory, nodes)
    except OSError as error:
        raise ClusterError(
            f"output_dir {directory} cannot be written here: {error.strerror or error}; expected a directory that "
            "every node has, such as an NFS mount."
        ) from error
    if not problems:
        return
    if not existed:
        with contextlib.suppress(OSError):
            directory.rmdir()
    told = "; ".join(f"{nodes[node]} {problem}" for node, problem in problems.items())
    raise ClusterError(
        f"output_dir {directory} is not shared by all {len(nodes)} nodes: {told}. Expected a directory that every "
        "node mounts at the same place, such as an NFS; see cluster/README.md."
    )


def _probe(directory: Path, nodes: Mapping[str, str]) -> dict[str, str]:
    """Problems by node. Raises OSError where the driver itself cannot write."""
    name, word = f".rlhp-probe-{secrets.token_hex(4)}", secrets.token_hex(8)
    answers = {node: directory / f"{name}.{node}" for node in nodes}
    try:
        (directory / name).write_text(word, encoding="utf-8")
        problems = _ask_all(directory, name, word, nodes)
        unseen = [node for node, answer in answers.items() if node not in problems and not answer.is_file()]
        return problems | dict.fromkeys(unseen, "writes there, but the driver does not see it")
    finally:
        for file in (directory / name, *answers.values()):
            with contextlib.suppress(OSError):
                file.unlink(missing_ok=True)


def _ask_all(directory: Path, name: str, word: str, nodes: Mapping[str, str]) -> dict[str, str]:
    """Problems by node."""
    task: Any = ray.remote(num_cpus=0, max_retries=0)(answer_probe)
    calls = {}
    for node in nodes:
        pinned = NodeAffinitySchedulingStrategy(node, soft=False)
        calls[task.options(scheduling_strategy=pinned).remote(os.fspath(directory), name, word, node)] = node
    done, late = ray.wait(list(calls), num_returns=len(calls), timeout=TIMEOUT_SECONDS)
    problems = {calls[call]: f"did not answer within {TIMEOUT_SECONDS:.0f} s" for call in late}
    for call in done:
        try:
            problem = ray.get(call)
        except ray.exceptions.RayError as error:
            problem = f"failed: {' '.join(str(error).split())[:200]}"
        if problem is not None:
            problems[calls[call]] = problem
    return problems
