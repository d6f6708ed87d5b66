"""Limits that are checked and limits that are read are one; every condition has a metric."""

import pytest

from rlhp_ray import metric_keys as keys
from rlhp_ray.metric_keys import Bounds, Metric


@pytest.mark.parametrize(
    ("bounds", "text", "inside", "outside"),
    [
        (Bounds(0, None), "above 0", (0.0, 5.0), (-0.1,)),
        (Bounds(None, 0.05), "below 0.05", (-1.0, 0.05), (0.06,)),
        (Bounds(1, 2), "above 1 and below 2", (1.0, 1.5, 2.0), (0.9, 2.1)),
    ],
)
def test_bounds_hold_what_they_say(bounds, text, inside, outside):
    assert bounds.text == text
    assert all(bounds.hold(value) for value in inside) and not any(bounds.hold(value) for value in outside)


def test_the_page_reads_what_is_checked():
    metric = Metric("k", "nats", "Means.", "0.69 is chance", Bounds(None, 0.69))
    assert metric.healthy_text == "below 0.69; 0.69 is chance"
    for bounded in (metric for metric in keys.ALL_METRICS if metric.bounds is not None):
        assert f"| {bounded.meaning} | {bounded.bounds.text}" in keys.metrics_page()
        assert keys.unhealthy_key(bounded.key) in keys.metric_keys(members=1)


def test_every_metric_has_a_healthy_range():
    assert [metric.key for metric in keys.ALL_METRICS if not metric.healthy_text] == []
