"""What a round of fitting says of the predictor beyond its losses: on few clips, without true rewards."""

import math
import time
from dataclasses import dataclass

import numpy as np

from rlhp_ray.clips.clip import ClipArrays
from rlhp_ray.reward.calibration import Calibration, held_out_calibration
from rlhp_ray.reward.ensemble import RewardEnsemble
from rlhp_ray.reward.labelled_pairs import LabelledPairs
from rlhp_ray.reward.observation_statistics import InputObserver, Moments
from rlhp_ray.reward.reward_distribution import MemberRewards, NormaliserDrift, predicted_gain

DRIFT_CLIPS = 32  # of the recent ones
CALIBRATION_LABELS = 64  # the newest: 128 clips
PAIRS_PER_DIAGNOSIS = 400  # fitted for each: 2,400 passes of a clip, forwards and back, beside 256 looked at


@dataclass(frozen=True, eq=False)
class RoundDiagnostics:
    """Of one round.

    Args:
        members: rewards of each member over the recent clips.
        drift: from the last version to this one; None for the first.
        calibration: of P' on the newest labels; None without labels.
        fresh_returns: `[num_fresh]` predicted return of the policy's newest clips, in reward units.
        gain: of those over the run's first clips; NaN without them.
        observations: what the networks were shown of the fresh clips; None without them.
        seconds: that all this took.
    """

    members: MemberRewards
    drift: NormaliserDrift | None
    calibration: Calibration | None
    fresh_returns: np.ndarray
    gain: float
    observations: Moments | None
    seconds: float


def is_diagnosed(version: int, pairs_per_round: int | None) -> bool:
    """Whether the round that publishes this version, from 1, is looked at: the first and every k-th after it.

    k is 1, but for rounds that present few pairs, k = ceil(400 / pairs_per_round): of 192 pairs of pixels the diagnosis
    was a sixth of the learner's time.
    """
    every = 1 if pairs_per_round is None else math.ceil(PAIRS_PER_DIAGNOSIS / pairs_per_round)
    return (version - 1) % every == 0


class RoundDiagnosis:
    """Made before a fit, and finished after it. Beyond what a round predicts anyway it looks at 256 clips at most.

    Args:
        ensemble: as last published.
        recent: clips over which rewards are normalised.
        response_error: of the response model that it is fitted with.
    """

    def __init__(self, ensemble: RewardEnsemble, recent: ClipArrays, response_error: float) -> None:
        started = time.perf_counter()
        self._ensemble = ensemble
        self._response_error = response_error
        first = recent[slice(DRIFT_CLIPS)]
        self._before = ensemble.member_rewards_of_clips(first) if ensemble.version > 0 else None
        self._seconds = time.perf_counter() - started

    def finished(
        self,
        recent_rewards: np.ndarray,
        fresh: ClipArrays | None,
        reference: ClipArrays | None,
        labels: LabelledPairs | None,
        seed: int,
    ) -> RoundDiagnostics:
        """Look at the ensemble as it is published now.

        Args:
            recent_rewards: `[members, num_recent, clip_steps]` of the same clips, before normalisation.
            fresh: clips that the policy just made.
            reference: the run's first clips.
            labels: that were fitted to.
            seed: of the run, by which labels were held out.
        """
        started = time.perf_counter()
        ensemble, members = self._ensemble, len(recent_rewards)
        drift = None
        if self._before is not None:
            after = recent_rewards[:, : self._before.shape[1]]
            drift = NormaliserDrift.between(self._before.reshape(members, -1), after.reshape(members, -1))
        fresh_returns = self._returns(fresh)
        calibration = None
        if labels is not None:
            newest = labels.without_oldest(max(0, len(labels) - CALIBRATION_LABELS))
            calibration = held_out_calibration(ensemble, newest, seed, self._response_error)
        return RoundDiagnostics(
            members=MemberRewards.of(recent_rewards.reshape(members, -1), ensemble.normaliser),
            drift=drift,
            calibration=calibration,
            fresh_returns=fresh_returns,
            gain=predicted_gain(fresh_returns, self._returns(reference)),
            observations=None if fresh is None else self._seen(fresh),
            seconds=self._seconds + time.perf_counter() - started,
        )

    def _seen(self, clips: ClipArrays) -> Moments | None:
        """Of the tensors that the networks are fitted to; of stacked frames, single ones."""
        observations = self._ensemble.encode_clips(clips).observations
        observer = InputObserver(observations.dim() - 2, every=1)
        observer.observe(observations)
        return observer.take()

    def _returns(self, clips: ClipArrays | None) -> np.ndarray:
        """What a policy would be paid for each clip, `[num_clips]`."""
        if clips is None:
            return np.zeros(0, np.float32)
        raw = self._ensemble.member_rewards_of_clips(clips)
        return self._ensemble.normaliser(raw.reshape(len(raw), -1)).reshape(raw.shape[1:]).sum(-1)
