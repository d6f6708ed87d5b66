"""What is asked of a cluster before a sweep is queued on it: room for every trial, and storage that every node sees."""

from pathlib import Path

from rlhp_ray.cluster.offer import Offer, require_room, trial_bundles
from rlhp_ray.cluster.shared_storage import require_shared
from rlhp_ray.sweep.session import trial_algorithm
from rlhp_ray.sweep.sweep_file import Sweep


def check_cluster(sweep: Sweep, offer: Offer, output_dir: Path) -> None:
    """Hold a sweep against the cluster that this process has joined.

    Args:
        sweep: with the trials that are known.
        offer: of the cluster.
        output_dir: that the sweep is written to.

    Raises:
        ClusterError: a trial that can never be placed, or storage that a node does not see.
    """
    bundles = {
        trial.name: trial_bundles(trial_algorithm(sweep.trial_config(trial), sweep.settings)) for trial in sweep.trials
    }
    require_room(bundles, offer)
    require_shared(output_dir)
