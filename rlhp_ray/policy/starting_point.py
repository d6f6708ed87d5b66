"""What a run starts from: a learnt reward, a trained policy, both or neither."""

from dataclasses import dataclass
from pathlib import Path

from rlhp_ray.config.schema import RunConfig
from rlhp_ray.policy.inference import SavedPolicy, load_fitting_policy
from rlhp_ray.reward.ensemble import EnsembleSpec, PublishedReward, RewardEnsemble
from rlhp_ray.reward.inference import load_fitting_reward


@dataclass(frozen=True, eq=False)
class StartingPoint:
    """Read and checked.

    Args:
        published: the loaded reward; without one random weights, version 0, with the loaded policy's scaling.
        policy: the loaded policy, or None.
    """

    published: PublishedReward
    policy: SavedPolicy | None


def load_starting_point(config: RunConfig, spec: EnsembleSpec) -> StartingPoint:
    """Read what `reward.load` and `policy.load` name.

    Raises:
        CheckpointError: it cannot be read, or does not fit the run or each other.
    """
    published = RewardEnsemble(spec).published()
    if config.reward.load is not None:
        published = load_fitting_reward(Path(config.reward.load), spec).ensemble.published()
    if config.policy.load is None:
        return StartingPoint(published, None)
    policy = load_fitting_policy(
        Path(config.policy.load), published.scaling, spec.action_space, config.training.hidden_sizes
    )
    return StartingPoint(
        PublishedReward(published.version, published.weights, published.normaliser, policy.scaling), policy
    )
