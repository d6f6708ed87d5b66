"""Watches a run: metrics of each round, a snapshot for the pictures, and alarms that a person must see.

True returns come in here, and go nowhere but into metrics, notices and the snapshot.
"""

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from rlhp_ray import metric_keys as keys
from rlhp_ray.actors.preference_buffer import RoundReport
from rlhp_ray.actors.reward_learner import FittedRound
from rlhp_ray.reward.observation_statistics import Moments, ObservationGap, observation_gap
from rlhp_ray.reward.over_optimisation import MOST_ROUNDS, OppositeTrends, RoundOutcome, opposite_trends
from rlhp_ray.reward.rank_correlation import pair_accuracy, rank_correlation
from rlhp_ray.reward.reward_distribution import QUANTILES, MemberRewards
from rlhp_ray.reward.reward_swap import Harvest
from rlhp_ray.reward.round_diagnosis import RoundDiagnostics

ACTING_LIMIT = 1.0  # the same steps are compared, so a healthy distance is 0; 1 is Rubin's limit
FITTING_LIMIT = 4.0  # other steps of the same policy: 64 clips scatter, where another unit is worlds apart
MEMBER_QUANTILES = {keys.MEMBER_P05: 0, keys.MEMBER_P50: 2, keys.MEMBER_P95: 4}  # places in QUANTILES
ACTING, FITTING, OVER_OPTIMISATION = "observations", "observations_fitting", "over_optimisation"


class RunDiagnostics:
    """One trial's.

    Args:
        is_true_return_taught: whether the teacher judges by the environment's reward; where it does not, that one may
            well fall while the policy does as it is told, so over-optimisation cannot be seen from it.
    """

    def __init__(self, is_true_return_taught: bool) -> None:
        self._is_true_return_taught = is_true_return_taught
        self._policy_saw: Moments | None = None
        self._policy_saw_at_start: Moments | None = None
        self._outcomes: list[RoundOutcome] = []
        self._standing: set[str] = set()
        self._notices: list[str] = []
        self.snapshot: dict[str, Any] | None = None

    def acted(self, harvest: Harvest) -> dict[str, float]:
        """Metrics of an iteration: whether policy and predictor were shown the same of the same steps."""
        self._policy_saw = harvest.policy_saw
        gap = observation_gap(harvest.policy_saw, harvest.predictor_saw)
        self._check_gap(ACTING, gap, ACTING_LIMIT, "when it pays")
        return self._gap_metrics(keys.OBSERVATION_GAP, gap)

    def scaling_changed(self) -> None:
        """Forget what the policy was shown: it will be shown other numbers."""
        self._policy_saw = None

    def round_started(self) -> None:
        """The clips of the last iteration go into this round."""
        self._policy_saw_at_start = self._policy_saw

    def round_finished(self, report: RoundReport, fitted: FittedRound) -> dict[str, float]:
        """Metrics of a round, and its snapshot; of one that was not looked at nothing, so that those before stand."""
        found, true = fitted.diagnostics, report.fresh_true_returns
        if found is None:
            return {}
        gap = observation_gap(self._policy_saw_at_start, found.observations)
        self._check_gap(FITTING, gap, FITTING_LIMIT, "when it is fitted")
        accuracy, pairs = pair_accuracy(found.fresh_returns, true)
        metrics = {
            **_member_metrics(found.members),
            **self._gap_metrics(keys.OBSERVATION_GAP_FITTING, gap),
            keys.FRESH_PAIRS: pairs,
            keys.FRESH_ACCURACY: accuracy,
            keys.FRESH_TRUE_RETURN: float(true.mean()) if len(true) else math.nan,
            keys.PREDICTED_GAIN: found.gain,
            keys.TIME_DIAGNOSTICS: found.seconds,
        }
        if found.drift is not None:
            metrics[keys.DRIFT_MEAN] = float(np.abs(found.drift.mean).max())
            metrics[keys.DRIFT_STD] = float(np.abs(found.drift.std).max())
        if found.calibration is not None:
            metrics[keys.CALIBRATION_ERROR] = found.calibration.error
        if len(true) and math.isfinite(found.gain):
            outcome = RoundOutcome(found.gain, float(true.mean()), float(true.std()))
            self._outcomes = [*self._outcomes, outcome][-MOST_ROUNDS:]
            self._check_trends(opposite_trends(self._outcomes))
        self.snapshot = _snapshot(report, fitted, found, accuracy, pairs)
        return metrics | self._alarm_metrics()

    def _gap_metrics(self, key: str, gap: ObservationGap | None) -> dict[str, float]:
        return {key: math.nan if gap is None else gap.distance, **self._alarm_metrics()}

    def _alarm_metrics(self) -> dict[str, float]:
        return {
            keys.ALARMS: len(self._standing),
            keys.UNHEALTHY_OVER_OPTIMISATION: float(OVER_OPTIMISATION in self._standing),
            keys.UNHEALTHY_OBSERVATIONS: float(bool(self._standing & {ACTING, FITTING})),
        }

    def _check_gap(self, alarm: str, gap: ObservationGap | None, limit: float, occasion: str) -> None:
        if gap is None:
            return
        text = (
            f"{occasion}, the reward predictor is shown other observations than the policy: entry {gap.entry} has mean "
            f"{gap.predictor[0]:.3g} and standard deviation {gap.predictor[1]:.3g} for the predictor, "
            f"{gap.policy[0]:.3g} and {gap.policy[1]:.3g} for the policy (distance {gap.distance:.1f}; expected below "
            f"{limit:g}). Scale observations in the environment, where both get them, not on the way to one network."
        )
        self._set(alarm, gap.distance > limit, gap.distance < limit / 2, text)

    def _check_trends(self, trends: OppositeTrends | None) -> None:
        if trends is None or not self._is_true_return_taught:
            return
        text = (
            f"over-optimisation: over the last {trends.rounds} rounds the policy gained {trends.gain:.1f} standard "
            f"deviations of predicted return, while the true return of its clips fell by {trends.fall:.3g} "
            f"({trends.fall_in_std:.1f} standard deviations). It may live on errors of the reward: look at it (rlhp "
            "replay), and ask more labels, or more of them late (preferences.schedule=constant)."
        )
        self._set(OVER_OPTIMISATION, trends.alarming, not trends.opposite, text)

    def _set(self, alarm: str, raised: bool, cleared: bool, text: str) -> None:
        """Say it once; between raised and cleared nothing changes, so that what hovers at a limit is not said twice."""
        if raised and alarm not in self._standing:
            self._standing.add(alarm)
            self._notices.append(text)
        elif cleared:
            self._standing.discard(alarm)

    def take_notices(self) -> list[str]:
        """Alarms raised since the last call."""
        notices, self._notices = self._notices, []
        return notices

    def state(self) -> dict[str, Any]:
        """JSON-writable, for a checkpoint."""
        return {
            "outcomes": [asdict(outcome) for outcome in self._outcomes],
            "standing": sorted(self._standing),
            "policy_saw": None if self._policy_saw is None else self._policy_saw.to_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """The inverse of `state`."""
        self._outcomes = [RoundOutcome(**outcome) for outcome in state["outcomes"]]
        self._standing = set(state["standing"])
        saw = state.get("policy_saw")  # a checkpoint of before has none
        self._policy_saw = None if saw is None else Moments.from_dict(saw)


def _member_metrics(rewards: MemberRewards) -> dict[str, float]:
    metrics: dict[str, float] = {}
    for index in range(len(rewards.mean)):
        named = {keys.MEMBER_MEAN: rewards.mean[index], keys.MEMBER_STD: rewards.std[index]}
        named |= {key: rewards.quantiles[index, place] for key, place in MEMBER_QUANTILES.items()}
        metrics |= {key.format(m=index + 1): float(value) for key, value in named.items()}
    return metrics


def _snapshot(
    report: RoundReport, fitted: FittedRound, found: RoundDiagnostics, accuracy: float, pairs: int
) -> dict[str, Any]:
    calibration, predicted = found.calibration, fitted.recent_returns.mean(axis=0)
    return {
        "reward_version": fitted.published.version,
        "calibration": None
        if calibration is None
        else {"error": calibration.error, "accuracy": calibration.accuracy, "bins": calibration.rows()},
        "members": [
            {"mean": float(mean), "std": float(std), "quantiles": dict(zip(map(str, QUANTILES), values, strict=True))}
            for mean, std, values in zip(
                found.members.mean, found.members.std, found.members.quantiles.tolist(), strict=True
            )
        ],
        "fresh_pairs": {"accuracy": accuracy, "decided": pairs},
        "clips": {
            "predicted_return": predicted.tolist(),
            "true_return": report.recent_true_returns.tolist(),
            "rank_correlation": rank_correlation(predicted, report.recent_true_returns),
        },
    }
