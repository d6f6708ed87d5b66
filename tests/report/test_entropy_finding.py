"""The failure shapes of entropy are named where they occur, and nowhere else."""

import math

import numpy as np
import pytest

from rlhp_ray.health.entropy_shapes import EntropyShape
from rlhp_ray.report.entropy_finding import finding, run_scale, run_shape

N = 20
NOISE = 0.01 * np.random.default_rng(0).standard_normal(N)
FEW = math.log(2) + NOISE
ALL = math.log(5) - np.abs(NOISE)
FALLING = np.linspace(1.6, 0.6, N)
COLLAPSED = np.concatenate([np.linspace(1.6, 0.02, 10), np.full(10, 0.01)])
FALLS_AND_STAYS = np.concatenate([np.linspace(1.6, 0.7, 12), np.full(8, 0.7)])
FALLS_EARLY_AND_STAYS = np.concatenate([np.linspace(1.6, 0.7, 3), np.full(17, 0.7)])


@pytest.mark.parametrize(
    ("entropy", "shape"),
    [
        (FALLING, EntropyShape.FALLING),
        (FALLS_AND_STAYS, EntropyShape.FALLING),
        (COLLAPSED, EntropyShape.COLLAPSE),
        (np.zeros(N), EntropyShape.COLLAPSE),
        (FEW, EntropyShape.PLATEAU),
        (FALLS_EARLY_AND_STAYS, EntropyShape.PLATEAU),
        (ALL, EntropyShape.PLATEAU),
        (FALLING[:5], EntropyShape.UNKNOWN),
        ([], EntropyShape.UNKNOWN),
    ],
)
def test_shapes_of_a_choice_among_five_actions(report_run, entropy, shape):
    run = report_run("run", entropy=entropy)
    assert run_shape(run) is shape
    assert (finding(run) is None) == (shape in (EntropyShape.FALLING, EntropyShape.UNKNOWN))


def test_findings_say_what_the_policy_does(report_run):
    assert "run: policy entropy collapsed to near zero (0.01 nats of at most 1.61): the policy takes one action" in (
        finding(report_run("run", entropy=COLLAPSED)) or ""
    )
    assert "a plateau that never falls (0.70 nats of at most 1.61)" in (finding(report_run("few", entropy=FEW)) or "")
    assert "random among a few actions" in (finding(report_run("few2", entropy=FEW)) or "")
    assert "random among all actions" in (finding(report_run("all", entropy=ALL)) or "")


def test_zero_means_nothing_of_continuous_actions(report_run):
    space = {"type": "Box", "shape": [1]}
    through_zero = report_run("through", entropy=np.linspace(1.4, -0.5, N), action_space=space)
    assert run_scale(through_zero).maximum is None
    assert run_shape(through_zero) is EntropyShape.FALLING
    narrow = np.concatenate([np.linspace(1.4, -2.5, 15), np.full(5, -2.5)])
    assert run_shape(report_run("narrow", entropy=narrow, action_space=space)) is EntropyShape.COLLAPSE
    level = report_run("level", entropy=np.full(N, 1.42), action_space=space)
    assert run_shape(level) is EntropyShape.PLATEAU


def test_without_a_checkpoint_the_highest_entropy_stands_for_the_maximum(make_run):
    from rlhp_ray.report.report_run import read_report_run
    from rlhp_ray.runs.run_index import open_run

    directory = make_run("run", entropy=COLLAPSED)
    (directory / "checkpoints" / "last" / "inference" / "policy.json").unlink()
    run = read_report_run(open_run(directory))
    assert run_scale(run).maximum == pytest.approx(1.6)
    assert run_shape(run) is EntropyShape.COLLAPSE
