"""Which checkpoints of a run Tune keeps, by Tune's own bookkeeping."""

import math

import pytest
from ray.train._internal.checkpoint_manager import _CheckpointManager
from ray.train._internal.session import _TrainingResult
from ray.tune import Checkpoint

from rlhp_ray import metric_keys as keys
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.experiment.tuning import run_checkpoints
from rlhp_ray.policy.algorithm_config import build_algorithm_config


def kept_of(scores, tmp_path, **training):
    """Numbers of the checkpoints with these scores that are left."""
    config = RunConfig.model_validate({"env": {"id": "CartPole-v1", "horizon": 20}, "training": training})
    manager = _CheckpointManager(run_checkpoints(config, build_algorithm_config(config)))
    for number, score in enumerate(scores):
        directory = tmp_path / str(number)
        directory.mkdir()
        metrics = {keys.METRICS: {keys.EVALUATION_RETURN: score}, keys.CHECKPOINT_SCORE: score}
        manager.register_checkpoint(_TrainingResult(Checkpoint(directory), metrics))
    return sorted(int(directory.name) for directory in tmp_path.iterdir())


def test_the_best_checkpoint_is_kept_beside_the_last(tmp_path):
    assert kept_of((3.0, 9.0, 4.0, 5.0, 1.0, 2.0), tmp_path) == [1, 3, 5]  # the two best and the last


@pytest.mark.parametrize(("number", "left"), [(1, [1, 5]), (4, [0, 1, 2, 3, 5])])
def test_as_many_of_the_best_are_kept_as_the_configuration_says(number, left, tmp_path):
    assert kept_of((3.0, 9.0, 4.0, 5.0, 1.0, 2.0), tmp_path, checkpoints_kept=number) == left


def test_checkpoints_by_time_which_are_not_evaluated_never_push_out_the_best(tmp_path):
    unknown = -math.inf
    left = kept_of((3.0, 9.0, unknown, unknown, 4.0, unknown, unknown), tmp_path)
    assert {1, 6} <= set(left) and len(left) <= 3
