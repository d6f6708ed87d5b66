"""Mean and interval over seeds, against values computed by hand."""

import numpy as np
import pytest

from rlhp_ray.report.seed_band import MAX_POINTS, interval_over, seed_band, thinned

STEPS = np.array([0.0, 10.0, 20.0])


def test_mean_and_t_interval_of_three_seeds():
    band = seed_band([(STEPS, np.full(3, value)) for value in (1.0, 2.0, 3.0)])
    assert band is not None and band.low is not None and band.high is not None
    np.testing.assert_allclose(band.steps, STEPS)
    np.testing.assert_allclose(band.mean, 2.0)
    half = 4.302653 / np.sqrt(3)  # t of 2 degrees of freedom, by the table; standard deviation 1
    np.testing.assert_allclose(band.low, 2 - half, rtol=1e-6)
    np.testing.assert_allclose(band.high, 2 + half, rtol=1e-6)


def test_one_seed_has_no_interval():
    band = seed_band([(STEPS, STEPS)])
    assert band is not None and band.low is None and band.high is None
    assert interval_over([1.0]) is None and interval_over([]) is None


def test_the_band_covers_what_all_seeds_have():
    band = seed_band([(STEPS, STEPS), (np.array([5.0, 15.0]), np.array([5.0, 15.0]))])
    assert band is not None
    assert (band.steps[0], band.steps[-1]) == (5.0, 15.0)
    np.testing.assert_allclose(band.mean, band.steps)


@pytest.mark.parametrize("curves", [[], [(np.empty(0), np.empty(0))], [(STEPS, STEPS), (STEPS + 100, STEPS)]])
def test_nothing_in_common_is_no_band(curves):
    assert seed_band(curves) is None


def test_long_curves_become_means_of_neighbours():
    steps, values = thinned((np.arange(10 * MAX_POINTS, dtype=float), np.tile([0.0, 2.0], 5 * MAX_POINTS)))
    assert len(steps) == MAX_POINTS and np.all(np.diff(steps) > 0)
    np.testing.assert_allclose(values, 1.0)
