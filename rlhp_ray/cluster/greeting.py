"""Asks a cluster who it is before Ray joins it: Ray itself takes 20 to 60 s to say that it cannot, and not why."""

import json
import platform
import socket
from collections.abc import Sequence
from typing import Any

import grpc
import psutil
import ray
from ray.core.generated import gcs_pb2, gcs_service_pb2, gcs_service_pb2_grpc

from rlhp_ray.cluster.token import find_token, token_problem
from rlhp_ray.errors import ClusterError

TIMEOUT_SECONDS = 4.0  # of each question; on a network that drops packets the first one waits this long


def greet(address: str) -> bool:
    """Make sure that this process can join the cluster.

    Args:
        address: `host:port` of its control service.

    Returns:
        Whether it asks for a token, which this machine then has.

    Raises:
        ClusterError: no cluster there, the token is missing or wrong, another version of Ray or Python, or this
            machine is no node of it.
    """
    where = f"the cluster at {address}"
    with grpc.insecure_channel(address) as channel:
        token = None
        try:
            try:
                metadata = _metadata(channel, None)
            except PermissionError:
                token = find_token()
                metadata = _metadata(channel, token)
        except PermissionError:
            raise ClusterError(token_problem(token, where)) from None
        except ConnectionError as error:
            raise ClusterError(
                f"no cluster answers at {address}; expected the address of a running one's head, such as "
                "10.0.0.1:6379. Start it with `ray up`, or see `ray status` on its head."
            ) from error
        check_versions(metadata, where)
        if metadata.get("ray_init_cluster"):
            raise ClusterError(
                f"what runs at {address} is another process's own Ray, which ends with it; expected a cluster that "
                "`ray up` or `ray start` made. Leave out --address to run on this machine alone."
            )
        _check_membership(address, _node_addresses(channel, token))
    return token is not None


def check_versions(metadata: dict[str, Any], where: str) -> None:
    """Raise ClusterError where Ray or Python has another version than here."""
    versions = (metadata.get("ray_version"), metadata.get("python_version"))
    here = (ray.__version__, platform.python_version())
    for name, theirs, ours in zip(("Ray", "Python"), versions, here, strict=True):
        if theirs is not None and theirs != ours:  # Ray, too, compares patch versions
            raise ClusterError(
                f"{where} runs {name} {theirs}, and this machine {ours}; expected one version on all. Install the "
                "environment of constraints.txt on every node, see cluster/README.md."
            )


def _metadata(channel: grpc.Channel, token: str | None) -> dict[str, Any]:
    """What the cluster says of itself. Raises PermissionError where it does not talk to us."""
    key = {"key": b"CLUSTER_METADATA", "namespace": b"cluster"}
    request = gcs_service_pb2.InternalKVGetRequest(**key)  # type: ignore[attr-defined]  # made by protobuf at import
    reply = _ask(gcs_service_pb2_grpc.InternalKVGcsServiceStub(channel).InternalKVGet, request, token)
    return json.loads(reply.value or b"{}")


def _node_addresses(channel: grpc.Channel, token: str | None) -> list[str]:
    """IP addresses of the nodes that are alive."""
    stub = gcs_service_pb2_grpc.NodeInfoGcsServiceStub(channel)
    request = gcs_service_pb2.GetAllNodeInfoRequest()  # type: ignore[attr-defined]  # made by protobuf at import
    reply = _ask(stub.GetAllNodeInfo, request, token)
    alive = gcs_pb2.GcsNodeInfo.ALIVE  # type: ignore[attr-defined]  # made by protobuf at import
    return [node.node_manager_address for node in reply.node_info_list if node.state == alive]


def _ask(call: Any, request: Any, token: str | None) -> Any:
    header = [("authorization", f"Bearer {token}")] if token else []
    try:
        return call(request, timeout=TIMEOUT_SECONDS, metadata=header)
    except grpc.RpcError as error:
        if error.code() is grpc.StatusCode.UNAUTHENTICATED:
            raise PermissionError from error
        raise ConnectionError from error


def _check_membership(address: str, nodes: Sequence[str]) -> None:
    own = {entry.address for entries in psutil.net_if_addrs().values() for entry in entries}
    if not own.intersection(nodes):
        raise ClusterError(
            f"this machine ({socket.gethostname()}) is no node of the cluster at {address}, and only its nodes can "
            "join in; expected one of them. Run the command on the head, or use --submit http://127.0.0.1:8265 through "
            "`ray dashboard`."
        )
