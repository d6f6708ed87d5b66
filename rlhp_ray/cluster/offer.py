"""What a cluster can ever offer, held against what the trials of a sweep ask for."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ray

from rlhp_ray.cluster.launch_file import Launch
from rlhp_ray.errors import ClusterError

Resources = Mapping[str, float]

NODES_SECONDS = 90.0  # within which the nodes of a cluster that was just launched join it
_POLL_SECONDS = 1.0
_MANY = 10_000  # nodes of a kind without a limit
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Offer:
    """Nodes that trials can run on.

    Args:
        alive: resources of each node that is there.
        addable: resources of a node that the autoscaler may add, and how many of it in all.
    """

    alive: tuple[Resources, ...]
    addable: tuple[tuple[Resources, int], ...] = ()

    @property
    def cpus(self) -> float:
        """Processors of the nodes that are there, or, where that is more, of as many as may ever be."""
        now = sum(node.get("CPU", 0.0) for node in self.alive)
        return max(now, sum(node.get("CPU", 0.0) * count for node, count in self.addable))

    def nodes(self, at_most: int) -> list[Resources]:
        """One entry a node, of each kind that may be added at most as many as are of use."""
        return [*self.alive, *(node for node, count in self.addable for _ in range(min(count, at_most)))]


def read_offer(launch: Launch | None) -> Offer:
    """Of the cluster that this process has joined.

    Args:
        launch: of the cluster, where this is its head and it came of `ray up`.
    """
    alive = tuple(node["Resources"] for node in ray.nodes() if node["Alive"])
    if launch is not None:
        return Offer(alive, launch.addable)
    config = ray._private.state.state.get_cluster_config()  # that autoscalers beside `ray up`'s, as KubeRay's, publish
    groups = config.node_group_configs if config is not None else ()
    addable = ((dict(group.resources), group.max_count if group.max_count >= 0 else _MANY) for group in groups)
    return Offer(alive, tuple((resources, count) for resources, count in addable if count))


def unmet(bundles: Sequence[Resources], offer: Offer) -> str | None:
    """The first resource for which a trial cannot be placed; None where it can.

    Args:
        bundles: of the trial, each of which has to lie on one node.
        offer: of the cluster.
    """
    room = [dict(node) for node in offer.nodes(at_most=len(bundles))]
    for bundle in sorted(bundles, key=lambda resources: -sum(resources.values())):
        place = next((node for node in room if _lacks(bundle, node) is None), None)
        if place is None:
            closest = min((_lacks(bundle, node) for node in room), key=lambda name: name == "CPU", default="CPU")
            return closest or "CPU"
        for name, amount in bundle.items():
            place[name] -= amount
    return None


def _lacks(bundle: Resources, node: Resources) -> str | None:
    return next((name for name, amount in bundle.items() if node.get(name, 0.0) + _ROUNDING < amount), None)


def require_room(trials: Mapping[str, Sequence[Resources]], offer: Offer) -> None:
    """Raise ClusterError where a trial can never run, however long it waits.

    Args:
        trials: bundles of each by its name.
        offer: of the cluster.
    """
    for name, bundles in trials.items():
        missing = unmet(bundles, offer)
        if missing is None:
            continue
        needed = sum(bundle.get(missing, 0.0) for bundle in bundles)
        largest = max(bundle.get(missing, 0.0) for bundle in bundles)
        best = max((node.get(missing, 0.0) for node in offer.nodes(at_most=1)), default=0.0)
        advice = {
            "CPU": "lower --trial-cpus or env.num_env_runners",
            "GPU": "set device=cpu, or lower num_gpus_per_learner",
        }
        raise ClusterError(
            f"trial {name} needs {needed:g} {missing} (up to {largest:g} on one node), and no node that this cluster "
            f"has or may add offers it beside the rest; the most of a node is {best:g}. Expected a cluster that can "
            f"hold it; launch larger nodes, or {advice.get(missing, 'ask for less')}"
        )


def await_launch(launch: Launch | None, say: Callable[[str], None], limit_seconds: float = NODES_SECONDS) -> None:
    """Wait until the nodes that the cluster was launched with have joined; go on with those there are after a while."""
    expected = 1 if launch is None else 1 + launch.min_workers
    deadline = time.monotonic() + limit_seconds
    told = False
    while (count := _num_alive()) < expected and time.monotonic() < deadline:
        if not told:
            say(f"{count} of {expected} nodes are up; waiting for the others")
            told = True
        time.sleep(_POLL_SECONDS)
    if count < expected:
        say(f"warning: only {count} of {expected} nodes joined within {limit_seconds:.0f} s; going on with these")


def _num_alive() -> int:
    return sum(node["Alive"] for node in ray.nodes())


def trial_bundles(algorithm_config: Any) -> list[dict[str, float]]:
    """What Tune reserves for a trial."""
    request = algorithm_config.algo_class.default_resource_request(algorithm_config)
    return [dict(bundle) for bundle in request.bundles if bundle]
