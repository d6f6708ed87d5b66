"""The metrics that Prometheus sees: main keys of a trial as gauges of Ray's, and how they stand together in panels.

`docs/dashboard.md` says how to scrape and draw them.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

from ray.util.metrics import Gauge

from rlhp_ray import metric_keys as keys

PREFIX = "rlhp_"  # of our names; Ray puts `ray_` before it
TAGS = ("run", "trial", "env", "seed")


class Panel(NamedTuple):
    """Metrics that are looked at together.

    Args:
        title: of the panel.
        unit: Grafana's name of it.
        keys: of `rlhp_ray.metric_keys`.
    """

    title: str
    unit: str
    keys: tuple[str, ...]


PANELS = (
    Panel("True return", "none", (keys.TRUE_RETURN, keys.EVALUATION_RETURN)),
    Panel("Predicted return", "none", (keys.PREDICTED_RETURN,)),
    Panel("Accuracy of the predictor", "percentunit", (keys.REWARD_VALIDATION_ACCURACY, keys.FRESH_ACCURACY)),
    Panel("Rank correlation of predicted and true return", "none", (keys.REWARD_TRUE_CORRELATION,)),
    Panel("Loss of the predictor (nats)", "none", (keys.REWARD_TRAINING_LOSS, keys.REWARD_VALIDATION_LOSS)),
    Panel("Ensemble spread", "none", (keys.ENSEMBLE_SPREAD,)),
    Panel("Queries and labels", "short", (keys.QUERIES, keys.LABELS)),
    Panel("Env steps", "short", (keys.ENV_STEPS,)),
    Panel("Env steps a second", "short", (keys.ENV_STEPS_PER_SECOND,)),
    Panel("Policy entropy (nats)", "none", (keys.POLICY_ENTROPY,)),
    Panel("KL divergence of the policy's update (nats)", "none", (keys.POLICY_KL,)),
    Panel("Time", "s", (keys.TIME_ITERATION, keys.TIME_FITTING, keys.TIME_WAITING)),
    Panel("Fit lag (env steps)", "short", (keys.FIT_LAG,)),
    Panel("Clips dropped", "short", (keys.CLIPS_DROPPED,)),
    Panel(
        "Resident memory",
        "decmbytes",
        (keys.MEMORY, keys.MEMORY_TRIAL, keys.MEMORY_RUNNERS, keys.MEMORY_BUFFER, keys.MEMORY_LEARNER),
    ),
    Panel("Alarms", "short", (keys.ALARMS,)),
)
EXPORTED = tuple(key for panel in PANELS for key in panel.keys)


class MetricsExporter:
    """Hands a trial's metrics to Ray. All are gauges: a trial that is restored goes back to its checkpoint's counts.

    Args:
        tags: a value for each of `TAGS`.
    """

    def __init__(self, tags: Mapping[str, str]) -> None:
        about = {metric.key: f"{metric.meaning} Unit: {metric.unit}." for metric in keys.ALL_METRICS}
        self._gauges = {key: Gauge(PREFIX + key, description=about[key], tag_keys=TAGS) for key in EXPORTED}
        for gauge in self._gauges.values():
            gauge.set_default_tags(dict(tags))

    def export(self, metrics: Mapping[str, float]) -> None:
        """Set every gauge that has a finite value; the others keep what they were set to last."""
        for key, gauge in self._gauges.items():
            value = metrics.get(key)
            if value is not None and math.isfinite(value):
                gauge.set(float(value))
