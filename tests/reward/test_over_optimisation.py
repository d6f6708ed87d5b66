"""The alarm comes where predicted and true return part for good, and not where they only swing."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import linregress

from rlhp_ray.reward.over_optimisation import (
    MIN_ROUNDS,
    SIGNIFICANCE,
    SMALLEST_MOVE,
    RoundOutcome,
    opposite_trends,
    slope,
)


def outcomes(gains, true_means, true_std=1.0) -> list[RoundOutcome]:
    return [RoundOutcome(float(g), float(t), true_std) for g, t in zip(gains, true_means, strict=True)]


def swinging(rng: np.random.Generator, rounds: int, correlation: float) -> np.ndarray:
    """Of variance 1, each value correlated with the one before."""
    values = rng.normal(size=rounds)
    for index in range(1, rounds):
        values[index] = correlation * values[index - 1] + np.sqrt(1 - correlation**2) * values[index]
    return values


def noisy_line(seed: int, rounds: int, rise: float, noise: float = 0.15) -> np.ndarray:
    return np.linspace(0, rise, rounds) + noise * np.random.default_rng(seed).normal(size=rounds)


@pytest.mark.parametrize("seed", range(5))
def test_opposite_trends_are_an_alarm_and_parallel_ones_are_not(seed):
    rise, fall = noisy_line(seed, 20, 2.0), noisy_line(seed + 100, 20, -2.0)
    assert opposite_trends(outcomes(rise, fall)).alarming
    for gains, true_means in ((rise, rise), (fall, fall), (fall, rise)):
        found = opposite_trends(outcomes(gains, true_means))
        assert not found.opposite and not found.alarming


def test_figures_by_hand():
    found = opposite_trends(outcomes(np.arange(10) / 10, -3.0 * np.arange(10), true_std=6.0))
    assert (found.rounds, found.gain, found.fall) == (10, pytest.approx(0.9), pytest.approx(27))
    assert found.fall_in_std == pytest.approx(4.5)
    assert found.alarming


def test_a_move_that_nobody_would_care_for_is_none():
    small, large = 0.9 * SMALLEST_MOVE, 1.1 * SMALLEST_MOVE
    for gain, fall, expected in ((large, large, True), (small, large, False), (large, small, False)):
        found = opposite_trends(outcomes(np.linspace(0, gain, 10), np.linspace(0, -fall, 10)))
        assert found.opposite and found.alarming is expected


def test_before_ten_rounds_nothing_is_said():
    series = outcomes(np.arange(MIN_ROUNDS), -np.arange(MIN_ROUNDS))
    assert opposite_trends(series[:-1]) is None
    assert opposite_trends(series).alarming


def test_the_window_is_the_later_half():
    """What happened before is over: the true return of the first half fell, of the second it rises."""
    gains = np.arange(40)
    falls_first = np.concatenate([-np.arange(20), np.arange(20)])
    found = opposite_trends(outcomes(gains, falls_first))
    assert found.rounds == 20 and not found.opposite
    assert opposite_trends(outcomes(gains, -falls_first)).alarming


def test_clips_that_all_have_one_true_return_are_no_alarm():
    found = opposite_trends(outcomes(np.arange(10), np.zeros(10), true_std=0.0))
    assert (found.fall_in_std, found.p_value, found.alarming) == (0.0, 1.0, False)


@pytest.mark.parametrize("unit, offset", [(1e-3, 0.0), (1000.0, 0.0), (1.0, 1e6), (-1.0, 0.0)])
def test_the_unit_and_the_zero_of_the_true_reward_do_not_matter_but_its_sign_does(unit, offset):
    series = outcomes(noisy_line(0, 20, 1.0), noisy_line(1, 20, -1.0))
    rescaled = [
        replace(outcome, true_mean=unit * outcome.true_mean + offset, true_std=abs(unit) * outcome.true_std)
        for outcome in series
    ]
    expected, found = opposite_trends(series), opposite_trends(rescaled)
    assert expected.alarming
    assert found.alarming is (unit > 0)
    assert found.p_value == pytest.approx(expected.p_value, rel=1e-4)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.8])
@pytest.mark.parametrize("rounds", [10, 40])
def test_swings_without_a_trend_hardly_ever_are_an_alarm(rounds, correlation):
    """Of 600 windows each, in which both returns swing by whole standard deviations of clips."""
    rng = np.random.default_rng(rounds)
    alarms = sum(
        opposite_trends(outcomes(swinging(rng, rounds, correlation), swinging(rng, rounds, correlation))).alarming
        for _ in range(600)
    )
    assert alarms <= 6, "1 % of the windows"


def test_a_slope_of_white_noise_is_found_as_rarely_as_it_should_be():
    rng = np.random.default_rng(0)
    found = sum(slope(rng.normal(size=20))[1] < SIGNIFICANCE for _ in range(2000))
    assert found <= 2000 * SIGNIFICANCE + 3 * np.sqrt(2000 * SIGNIFICANCE)


def test_a_series_that_swings_is_trusted_less_than_least_squares_does():
    rng = np.random.default_rng(0)
    series = [swinging(rng, 20, 0.8) for _ in range(300)]
    ours, naive = (
        sum(test(values) < SIGNIFICANCE for values in series)
        for test in (lambda v: slope(v)[1], lambda v: linregress(np.arange(20), v).pvalue)
    )
    assert ours < naive / 3


@pytest.mark.parametrize("values", [noisy_line(seed, 15, 1.0) for seed in range(3)])
def test_the_slope_is_that_of_least_squares(values):
    assert slope(values)[0] == pytest.approx(linregress(np.arange(15), values).slope)


def test_a_constant_has_no_slope_and_a_line_is_beyond_doubt():
    assert slope([0.1] * 11) == (0.0, 1.0)
    assert slope([0.1 * index for index in range(11)]) == (pytest.approx(0.1), 0.0)
