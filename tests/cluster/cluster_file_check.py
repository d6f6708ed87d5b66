"""What Ray's schema of a cluster file lets through: misspelt keys of `provider` and `node_config`."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

PROVIDER_KEYS = {  # that Ray 2.60 reads
    "local": ("type", "head_ip", "worker_ips", "coordinator_address"),
    "aws": (
        "type", "region", "availability_zone", "cache_stopped_nodes", "use_internal_ips", "security_group", "key_pair",
        "aws_credentials", "cloudwatch",
    ),
    "gcp": ("type", "region", "availability_zone", "project_id", "gcp_credentials", "use_internal_ips"),
}  # fmt: skip
GCP_INSTANCE_KEYS = (  # of Google's instances.insert that a node may want
    "machineType", "disks", "scheduling", "labels", "metadata", "networkInterfaces", "serviceAccounts",
    "guestAccelerators", "minCpuPlatform", "tags",
)  # fmt: skip
GCP_DISK_KEYS = ("boot", "autoDelete", "type", "initializeParams")
GCP_NEW_DISK_KEYS = ("diskSizeGb", "sourceImage", "diskType")
GCP_SCHEDULING_KEYS = ("preemptible", "onHostMaintenance", "automaticRestart", "provisioningModel")


def misspelt(config: Mapping[str, Any]) -> list[str]:
    """One line for every key or instance type of a cluster file that its provider does not know."""
    provider = config["provider"]
    lines = list(_unknown("provider", provider, PROVIDER_KEYS[provider["type"]]))
    for name, kind in config.get("available_node_types", {}).items():
        where = f"available_node_types.{name}.node_config"
        if provider["type"] == "aws":
            lines += _by_shape(where, kind["node_config"], _run_instances())
        elif provider["type"] == "gcp":
            lines += _by_list(where, kind["node_config"])
    return lines


def _unknown(where: str, found: Mapping[str, Any], known: Iterable[str]) -> Iterator[str]:
    known = list(known)
    for key in found:
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            yield f"{where}.{key}: unknown" + (f"; did you mean {close[0]}?" if close else "")


@cache
def _run_instances() -> Any:
    """What EC2's RunInstances takes, as botocore describes it."""
    import botocore.session

    return botocore.session.get_session().get_service_model("ec2").operation_model("RunInstances").input_shape


def _by_shape(where: str, value: Any, shape: Any) -> Iterator[str]:
    if shape.type_name == "structure":
        if not isinstance(value, Mapping):
            yield f"{where}: got {value!r}, expected keys"
            return
        yield from _unknown(where, value, shape.members)
        for key in value.keys() & shape.members.keys():
            yield from _by_shape(f"{where}.{key}", value[key], shape.members[key])
    elif shape.type_name == "list":
        if not isinstance(value, list):
            yield f"{where}: got {value!r}, expected a list"
            return
        for number, item in enumerate(value):
            yield from _by_shape(f"{where}[{number}]", item, shape.member)
    elif getattr(shape, "enum", None) and value not in shape.enum:
        yield f"{where}: {value!r} is none that AWS has"


def _by_list(where: str, node: Mapping[str, Any]) -> Iterator[str]:
    yield from _unknown(where, node, GCP_INSTANCE_KEYS)
    for disk in node.get("disks", ()):
        yield from _unknown(f"{where}.disks", disk, GCP_DISK_KEYS)
        yield from _unknown(f"{where}.disks.initializeParams", disk.get("initializeParams", {}), GCP_NEW_DISK_KEYS)
    for scheduling in node.get("scheduling", ()):
        yield from _unknown(f"{where}.scheduling", scheduling, GCP_SCHEDULING_KEYS)
