"""Alarms are said once, stand until it is over, and survive a resume."""

import json
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from rlhp_ray import metric_keys as keys
from rlhp_ray.policy.run_diagnostics import ACTING_LIMIT, FITTING_LIMIT, RunDiagnostics
from rlhp_ray.reward.calibration import Calibration
from rlhp_ray.reward.observation_statistics import MEAN_LIMIT, Moments
from rlhp_ray.reward.over_optimisation import MOST_ROUNDS
from rlhp_ray.reward.reward_distribution import MemberRewards, NormaliserDrift
from rlhp_ray.reward.reward_swap import Harvest
from rlhp_ray.reward.round_diagnosis import RoundDiagnostics

POLICY = Moments(100, np.zeros(2), 100 * np.ones(2))


def apart(distance: float) -> Moments:
    """So far from what the policy saw."""
    return Moments(100, np.array([0.0, MEAN_LIMIT * distance]), 100 * np.ones(2))


def acted(predictor: Moments | None, policy: Moments | None = POLICY) -> Harvest:
    return Harvest([], [], 0, 0, predictor, policy)


def a_round(
    gain: float = 0.0,
    true: float = 0.0,
    observations: Moments | None = None,
    drift: NormaliserDrift | None = None,
    calibration: Calibration | None = None,
) -> tuple[SimpleNamespace, SimpleNamespace]:
    """Report and result of a round whose five fresh clips have this mean of true returns and standard deviation 1."""
    true_returns = true + np.array([-1, -1, 0, 1, 1]) * math.sqrt(5 / 4)
    members = MemberRewards(np.array([1.0, 2.0]), np.array([3.0, 4.0]), np.arange(10.0).reshape(2, 5))
    found = RoundDiagnostics(members, drift, calibration, true_returns[::-1], gain, observations, seconds=0.5)
    report = SimpleNamespace(fresh_true_returns=true_returns, recent_true_returns=np.array([1.0, 2.0, 3.0]))
    published, returns = SimpleNamespace(version=7), np.array([[0.0, 1.0, 2.0], [2.0, 1.0, 6.0]])
    return report, SimpleNamespace(diagnostics=found, recent_returns=returns, published=published)


@pytest.fixture
def diagnostics() -> RunDiagnostics:
    return RunDiagnostics(is_true_return_taught=True)


def over_optimise(diagnostics: RunDiagnostics, rounds: int, direction: float = 1.0) -> None:
    for index in range(rounds):
        diagnostics.round_finished(*a_round(gain=index / 5, true=-direction * index / 5))


def test_an_alarm_is_said_once_and_again_only_after_it_was_over(diagnostics):
    said = []
    for distance in (0.9, 1.1, 5.0, 0.6, 1.1, 0.4, 0.9, 1.1):
        metrics = diagnostics.acted(acted(apart(distance * ACTING_LIMIT)))
        said.append((len(diagnostics.take_notices()), metrics[keys.ALARMS]))
        assert (metrics[keys.UNHEALTHY_OBSERVATIONS], metrics[keys.UNHEALTHY_OVER_OPTIMISATION]) == (said[-1][1], 0)
        assert metrics[keys.OBSERVATION_GAP] == pytest.approx(distance)
    # Between half the limit and the limit nothing changes, so 0.6 does not end it and 0.9 does not begin it.
    assert said == [(0, 0), (1, 1), (0, 1), (0, 1), (0, 1), (0, 0), (0, 0), (1, 1)]


def test_the_alarm_says_which_entry_differs_and_by_how_much(diagnostics):
    diagnostics.acted(acted(Moments(100, np.array([0.0, 7.25]), 100 * np.array([1.0, 4.0]))))
    (text,) = diagnostics.take_notices()
    assert "entry 1 has mean 7.25 and standard deviation 2 for the predictor, 0 and 1 for the policy" in text
    assert "expected below 1" in text


def test_what_was_not_seen_is_no_alarm_and_ends_none(diagnostics):
    diagnostics.acted(acted(apart(3)))
    for harvest in (acted(None), acted(apart(3), policy=None)):
        metrics = diagnostics.acted(harvest)
        assert math.isnan(metrics[keys.OBSERVATION_GAP]) and metrics[keys.ALARMS] == 1
    assert len(diagnostics.take_notices()) == 1


@pytest.mark.parametrize("distance, expected", [(0.9, 0), (1.1, 1)])
def test_what_is_fitted_to_is_compared_with_what_the_policy_saw_before_the_round(diagnostics, distance, expected):
    diagnostics.acted(acted(POLICY))
    diagnostics.round_started()
    elsewhere = apart(100)
    diagnostics.acted(acted(elsewhere, policy=elsewhere))
    metrics = diagnostics.round_finished(*a_round(observations=apart(distance * FITTING_LIMIT)))
    assert metrics[keys.OBSERVATION_GAP_FITTING] == pytest.approx(distance * FITTING_LIMIT)
    notices = diagnostics.take_notices()
    assert metrics[keys.ALARMS] == len(notices) == expected
    assert all(text.startswith("when it is fitted") for text in notices)


def test_observations_from_before_they_were_scaled_are_not_compared(diagnostics):
    diagnostics.acted(acted(POLICY))
    diagnostics.scaling_changed()
    diagnostics.round_started()
    metrics = diagnostics.round_finished(*a_round(observations=apart(100)))
    assert math.isnan(metrics[keys.OBSERVATION_GAP_FITTING]) and diagnostics.take_notices() == []


def test_a_true_return_that_falls_while_the_predicted_one_rises_is_said_once(diagnostics):
    over_optimise(diagnostics, 20)
    (text,) = diagnostics.take_notices()
    assert "over-optimisation: over the last 10 rounds the policy gained 1.8 standard deviations" in text
    assert "true return of its clips fell by 1.8 (1.8 standard deviations)" in text
    metrics = diagnostics.round_finished(*a_round(4.0, -4.0))
    assert (metrics[keys.ALARMS], metrics[keys.UNHEALTHY_OVER_OPTIMISATION]) == (1, 1)
    assert metrics[keys.UNHEALTHY_OBSERVATIONS] == 0
    over_optimise(diagnostics, 40, direction=-1)
    metrics = diagnostics.round_finished(*a_round(8.0, 8.0))
    assert (metrics[keys.ALARMS], metrics[keys.UNHEALTHY_OVER_OPTIMISATION]) == (0, 0)
    assert diagnostics.take_notices() == []


@pytest.mark.parametrize("direction, is_true_return_taught", [(-1, True), (1, False)])
def test_it_is_not_said_of_a_good_run_nor_where_the_teacher_judges_by_something_else(direction, is_true_return_taught):
    diagnostics = RunDiagnostics(is_true_return_taught)
    over_optimise(diagnostics, 20, direction)
    assert diagnostics.take_notices() == []


def test_a_round_without_fresh_clips_is_no_round_of_the_trend(diagnostics):
    report, fitted = a_round(gain=math.nan)
    report.fresh_true_returns = np.zeros(0)
    fitted.diagnostics = replace(fitted.diagnostics, fresh_returns=np.zeros(0))
    metrics = diagnostics.round_finished(report, fitted)
    assert diagnostics.state()["outcomes"] == []
    assert math.isnan(metrics[keys.FRESH_ACCURACY]) and metrics[keys.FRESH_PAIRS] == 0


def test_a_round_that_was_not_looked_at_leaves_all_as_it_was(diagnostics):
    over_optimise(diagnostics, 9)
    before, snapshot = diagnostics.state(), diagnostics.snapshot
    report, fitted = a_round(gain=5.0)
    fitted.diagnostics = None
    assert diagnostics.round_finished(report, fitted) == {}
    assert diagnostics.state() == before and diagnostics.snapshot is snapshot


def test_what_is_kept_of_rounds_is_bounded(diagnostics):
    for index in range(MOST_ROUNDS + 5):
        diagnostics.round_finished(*a_round(gain=float(index)))
    kept = [outcome["gain"] for outcome in diagnostics.state()["outcomes"]]
    assert kept == [float(index) for index in range(5, MOST_ROUNDS + 5)]


def test_a_resumed_run_goes_on_as_the_undisturbed_one(diagnostics):
    """Including an alarm that was already said, and one whose rounds began before the checkpoint."""
    diagnostics.acted(acted(apart(3)))
    over_optimise(diagnostics, 9)
    diagnostics.take_notices()
    resumed = RunDiagnostics(is_true_return_taught=True)
    resumed.restore(json.loads(json.dumps(diagnostics.state())))
    for made in (diagnostics, resumed):
        assert made.acted(acted(apart(3)))[keys.ALARMS] == 1
        assert made.round_finished(*a_round(1.8, -1.8))[keys.ALARMS] == 2
        assert len(made.take_notices()) == 1
    assert resumed.state() == diagnostics.state()


def test_every_figure_of_a_round_has_its_metric(diagnostics):
    drift = NormaliserDrift(np.array([-2.0, 1.0]), np.array([0.1, -0.3]))
    calibration = Calibration.of(np.array([0.75, 0.25]), np.array([True, True]))
    report, fitted = a_round(0.5, 2.0, None, drift, calibration)
    metrics = diagnostics.round_finished(report, fitted)
    expected = {
        "member_1_reward_mean": 1.0,
        "member_2_reward_mean": 2.0,
        "member_1_reward_std": 3.0,
        "member_2_reward_p05": 5.0,
        "member_1_reward_p50": 2.0,
        "member_2_reward_p95": 9.0,
        keys.DRIFT_MEAN: 2.0,
        keys.DRIFT_STD: 0.3,
        keys.CALIBRATION_ERROR: 0.5,
        keys.FRESH_ACCURACY: 0.0,
        keys.FRESH_PAIRS: 8,
        keys.FRESH_TRUE_RETURN: 2.0,
        keys.PREDICTED_GAIN: 0.5,
        keys.TIME_DIAGNOSTICS: 0.5,
        keys.ALARMS: 0,
    }
    assert {key: metrics[key] for key in expected} == pytest.approx(expected)
    assert metrics.keys() <= set(keys.metric_keys(2))


def test_the_snapshot_holds_what_the_picture_shows(diagnostics):
    assert diagnostics.snapshot is None
    diagnostics.round_finished(*a_round(calibration=Calibration.of(np.array([0.75, 0.25]), np.array([True, True]))))
    snapshot = json.loads(json.dumps(diagnostics.snapshot))
    assert snapshot["reward_version"] == 7
    assert (snapshot["calibration"]["error"], snapshot["calibration"]["accuracy"]) == (0.5, 0.5)
    assert [row["count"] for row in snapshot["calibration"]["bins"]] == [1, 1]
    assert snapshot["members"][1]["quantiles"]["0.95"] == 9.0
    assert snapshot["clips"]["predicted_return"] == [1.0, 1.0, 4.0], "mean over members"
    assert snapshot["clips"]["true_return"] == [1.0, 2.0, 3.0]
    assert snapshot["fresh_pairs"] == {"accuracy": 0.0, "decided": 8}
