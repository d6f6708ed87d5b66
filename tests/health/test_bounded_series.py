"""However long the series, few points, which stand for equally many values each."""

import numpy as np

from rlhp_ray.health.bounded_series import MOST_POINTS, BoundedSeries


def filled(values) -> BoundedSeries:
    series = BoundedSeries()
    for value in values:
        series.append(value)
    return series


def test_a_short_series_is_kept_as_it_is():
    assert filled([3.0, 1.0, 2.0]).points.tolist() == [3.0, 1.0, 2.0]


def test_a_full_one_halves_into_means_of_neighbours():
    points = filled(range(MOST_POINTS)).points
    assert points.tolist() == [2 * index + 0.5 for index in range(MOST_POINTS // 2)]


def test_a_long_one_stays_small_and_keeps_its_course():
    values = np.arange(12_800.0)
    points = filled(values).points
    assert MOST_POINTS // 2 <= len(points) < MOST_POINTS
    width = len(values) // len(points)
    assert np.allclose(points, values.reshape(-1, width).mean(axis=1))
