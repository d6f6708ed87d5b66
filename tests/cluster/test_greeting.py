"""What is said of a cluster that cannot be joined, asked of a stand-in for Ray's control service."""

import json
import platform
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
import ray
from ray.core.generated import gcs_service_pb2, gcs_service_pb2_grpc

from rlhp_ray.cluster.greeting import greet
from rlhp_ray.errors import ClusterError


class ControlService:
    """Answers as Ray's does.

    Args:
        token: that it asks for; None where it asks for none.
    """

    def __init__(self, token: str | None = None) -> None:
        self.token = token
        self.metadata: dict[str, Any] = {
            "ray_version": ray.__version__,
            "python_version": platform.python_version(),
            "ray_init_cluster": False,
        }
        self.node = "127.0.0.1"
        self._server = grpc.server(ThreadPoolExecutor(2))
        gcs_service_pb2_grpc.add_InternalKVGcsServiceServicer_to_server(self, self._server)
        gcs_service_pb2_grpc.add_NodeInfoGcsServiceServicer_to_server(self, self._server)
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def InternalKVGet(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        self._check(context)
        return gcs_service_pb2.InternalKVGetReply(value=json.dumps(self.metadata).encode())

    def GetAllNodeInfo(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        self._check(context)
        reply = gcs_service_pb2.GetAllNodeInfoReply()
        reply.node_info_list.add(node_manager_address=self.node)
        return reply

    def __getattr__(self, name: str) -> Any:  # the other methods of the services, which nobody calls
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda request, context: context.abort(grpc.StatusCode.UNIMPLEMENTED, name)

    def _check(self, context: grpc.ServicerContext) -> None:
        if self.token is not None and ("authorization", f"Bearer {self.token}") not in context.invocation_metadata():
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "InvalidAuthToken")

    def stop(self) -> None:
        self._server.stop(grace=None)


@pytest.fixture
def service() -> Iterator[ControlService]:
    service = ControlService()
    yield service
    service.stop()


def test_a_cluster_without_a_token_is_joined_without_one(service: ControlService, own_token: Path) -> None:
    assert greet(service.address) is False


def test_a_cluster_with_a_token_is_joined_with_it(service: ControlService, own_token: Path) -> None:
    service.token = "secret"
    own_token.write_text("secret\n")
    assert greet(service.address) is True


def test_a_missing_token_is_said(service: ControlService, own_token: Path) -> None:
    service.token = "secret"
    with pytest.raises(ClusterError, match="asks for a token, and this machine has none"):
        greet(service.address)


def test_a_wrong_token_is_said_and_not_shown(service: ControlService, own_token: Path) -> None:
    service.token = "secret"
    own_token.write_text("guess")
    with pytest.raises(ClusterError, match="refuses this machine's token") as caught:
        greet(service.address)
    assert "guess" not in str(caught.value)


@pytest.mark.parametrize(("key", "name"), [("ray_version", "Ray"), ("python_version", "Python")])
def test_another_version_is_said_with_both(service: ControlService, own_token: Path, key: str, name: str) -> None:
    ours = service.metadata[key]
    service.metadata[key] = "1.2.3"
    with pytest.raises(ClusterError, match=f"runs {name} 1.2.3, and this machine {ours}"):
        greet(service.address)


def test_the_ray_of_another_process_is_no_cluster(service: ControlService, own_token: Path) -> None:
    service.metadata["ray_init_cluster"] = True
    with pytest.raises(ClusterError, match="another process's own Ray"):
        greet(service.address)


def test_a_machine_that_is_no_node_is_told_where_to_go(service: ControlService, own_token: Path) -> None:
    service.node = "203.0.113.7"
    with pytest.raises(ClusterError, match=r"no node of the cluster.*use --submit"):
        greet(service.address)


def test_an_address_where_no_cluster_is(own_token: Path) -> None:
    service = ControlService()
    service.stop()
    with pytest.raises(ClusterError, match=f"no cluster answers at {service.address}"):
        greet(service.address)
