"""Relative thresholds: recomputed, switched off where B-Pref's formula has no sense, and told so once."""

import math

import numpy as np
import pytest

from rlhp_ray.preferences.teacher_traits import TeacherThresholds, TeacherTraits


def test_thresholds_follow_the_mean_return_of_recent_clips():
    thresholds = TeacherThresholds(TeacherTraits(skip=0.1, equal=0.25))
    seen = []
    for returns in ([4.0, 12.0], [40.0], [2.0, 2.0, 8.0]):  # means 8, 40, 4
        assert thresholds.recompute(np.array(returns)) == []
        seen.append((thresholds.skip_below, thresholds.equal_within))
    np.testing.assert_allclose(seen, [(0.8, 2.0), (4.0, 10.0), (0.4, 1.0)], rtol=1e-12)


def test_the_share_counts_once_in_every_round():
    """B-Pref's code multiplies by it twice after the first round (reference s4)."""
    thresholds = TeacherThresholds(TeacherTraits(skip=0.1))
    for _ in range(3):
        thresholds.recompute(np.array([50.0]))
        assert thresholds.skip_below == pytest.approx(5.0)


def test_both_are_off_by_default_and_before_anything_was_seen():
    for traits in (TeacherTraits(), TeacherTraits(skip=0.1, equal=0.1)):
        thresholds = TeacherThresholds(traits)
        assert (thresholds.skip_below, thresholds.equal_within) == (-math.inf, 0.0)
    assert not TeacherThresholds(TeacherTraits()).are_relative


def test_an_absolute_threshold_replaces_the_relative_one_and_stays():
    thresholds = TeacherThresholds(TeacherTraits(skip=0.1, equal=0.5, skip_below=-200.0))
    thresholds.recompute(np.array([10.0]))
    assert (thresholds.skip_below, thresholds.equal_within) == (-200.0, 5.0)


@pytest.mark.parametrize("returns", [[-8.0, 4.0], [0.0, 0.0]])
def test_where_returns_are_not_positive_it_is_off_and_said_once(returns):
    thresholds = TeacherThresholds(TeacherTraits(skip=0.1, equal=0.2))
    thresholds.recompute(np.array([10.0]))
    skip, equal = thresholds.recompute(np.array(returns))
    assert (thresholds.skip_below, thresholds.equal_within) == (-math.inf, 0.0)
    mean, lowest, highest = np.mean(returns), min(returns), max(returns)
    assert skip == (
        f"teacher.skip=0.1 is a share of the mean return of recent clips, which is {mean:g}: not positive, so that it "
        f"is off until it is. Recent clips return {lowest:g} to {highest:g}: set teacher.skip_below in these units "
        "instead."
    )
    assert "teacher.equal=0.2" in equal and "set teacher.equal_within" in equal
    assert thresholds.recompute(np.array(returns)) == []
    assert thresholds.recompute(np.array([10.0])) == []
    assert thresholds.skip_below == pytest.approx(1.0)
    assert thresholds.recompute(np.array(returns)) == []


def test_nothing_is_said_of_a_threshold_that_is_not_used():
    thresholds = TeacherThresholds(TeacherTraits(equal=0.2, skip=0.1, skip_below=1.0))
    (notice,) = thresholds.recompute(np.array([-1.0]))
    assert "teacher.equal" in notice
