"""Overrides that stand for several values: what is accepted, what is drawn, and every combination once."""

import numpy as np
import pytest

from rlhp_ray.sweep.axes import Axis, combine, parse_axis


def test_a_plain_value_is_no_axis():
    for value in (3, "text", [1, 2], {}, {"lr": 1, "gamma": 2}, None):
        assert parse_axis("training.rllib", value) is None


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"grids": [1]}, "did you mean grid"),
        ({"grid": []}, "one or more different values"),
        ({"grid": [1, 1]}, "one or more different values"),
        ({"grid": 3}, "one or more different values"),
        ({"uniform": [1]}, "low < high"),
        ({"uniform": [2, 1]}, "low < high"),
        ({"uniform": [0, float("inf")]}, "low < high"),
        ({"uniform": [False, True]}, "low < high"),
        ({"loguniform": [0, 1]}, "above 0"),
        ({"randint": [0, 1.5]}, "whole"),
        ({"randint": [1, 10**23]}, "whole"),
        ({"uniform": [-1e308, 1e308]}, "low < high"),
        ({"uniform": [0, 10**400]}, "low < high"),
        ({"uniform": [0, float("nan")]}, "low < high"),
    ],
)
def test_what_cannot_be_an_axis_is_said(value, told):
    with pytest.raises(ValueError, match=told):
        parse_axis("preferences.labels", value)


@pytest.mark.parametrize(
    ("kind", "ends", "mean"),
    [("uniform", (2.0, 6.0), 4.0), ("loguniform", (0.01, 1.0), 0.99 / np.log(100)), ("randint", (0, 11), 5.0)],
)
def test_draws_follow_their_distribution(kind, ends, mean):
    axis, rng = Axis("x", kind, ends), np.random.default_rng(0)
    drawn = np.array([axis.draw(rng) for _ in range(4000)])
    assert drawn.min() >= ends[0]
    assert drawn.max() < ends[1]
    assert drawn.mean() == pytest.approx(mean, abs=4 * drawn.std() / np.sqrt(len(drawn)))
    assert all(type(value) is (int if kind == "randint" else float) for value in map(axis.draw, [rng] * 3))


def test_a_grid_is_gone_through_whole_and_random_axes_are_drawn_for_each_point():
    axes = (Axis("a", "grid", (1, 2)), Axis("r", "uniform", (0.0, 1.0)), Axis("b", "grid", ("x", "y")))
    settings = list(combine(axes, 3, np.random.default_rng(0)))
    assert [(setting["a"], setting["b"]) for setting in settings[::3]] == [(1, "x"), (1, "y"), (2, "x"), (2, "y")]
    assert len({setting["r"] for setting in settings}) == 12
    assert all(list(setting) == ["a", "r", "b"] for setting in settings)


def test_without_a_random_axis_samples_mean_nothing():
    assert list(combine((Axis("a", "grid", (1, 2)),), 5, np.random.default_rng(0))) == [{"a": 1}, {"a": 2}]
