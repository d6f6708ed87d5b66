"""What a saved predictor says of saved clips, and how that agrees with their true returns and with stored answers."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from rlhp_ray.clips.clip import ClipArrays
from rlhp_ray.errors import PreferenceStoreError, RewardDataError
from rlhp_ray.preferences.clip_check import ClipCheck
from rlhp_ray.preferences.clip_shards import bounded_batches
from rlhp_ray.preferences.preference_source import PreferenceSource
from rlhp_ray.preferences.referred_clips import checked_clips, checked_preferences
from rlhp_ray.reward.ensemble import RewardEnsemble
from rlhp_ray.reward.inference import RewardFunction
from rlhp_ray.reward.rank_correlation import rank_correlation
from rlhp_ray.reward.space_json import space_to_dict


@dataclass(frozen=True)
class ClipScore:
    """One clip.

    Args:
        clip_id: under which it is kept.
        member_returns: of each member, normalised, in reward units.
        true_return: sum of the true rewards.
    """

    clip_id: str
    member_returns: tuple[float, ...]
    true_return: float

    @property
    def predicted_return(self) -> float:
        """What a policy would get for the clip: the mean over the members."""
        return math.fsum(self.member_returns) / len(self.member_returns)


def score_clips(source: PreferenceSource, reward: RewardFunction) -> Iterator[ClipScore]:
    """Score every clip of a source; no more than one batch of clips is in memory at a time.

    Raises:
        PreferenceStoreError: the source holds no clip, or is damaged.
        RewardDataError: the reward was learnt with other spaces, or a clip cannot be used: one that lacks the
            observation after its last action, where the reward sees next observations.
    """
    _require_fit(source, reward)
    if source.num_clips == 0:
        raise PreferenceStoreError(f"{source.path} holds no clips, so there is nothing to score; name another source.")
    check = ClipCheck(source.subject, reward.ensemble.spec.network.sees_next_observations)
    for batch in bounded_batches(checked_clips(source, check, set())):
        returns = normalised_returns(reward.ensemble, ClipArrays.from_clips(batch))
        for clip, members in zip(batch, returns.T.tolist(), strict=True):
            yield ClipScore(clip.clip_id, tuple(members), float(clip.teacher_rewards.sum(dtype=np.float64)))


def normalised_returns(ensemble: RewardEnsemble, clips: ClipArrays) -> np.ndarray:
    """Sums over each clip of what each member predicts, normalised: `[members, num_clips]`, in reward units."""
    raw = ensemble.member_rewards_of_clips(clips)
    return ensemble.normaliser.normalised(raw.reshape(len(raw), -1)).reshape(raw.shape).sum(-1)


def _require_fit(source: PreferenceSource, reward: RewardFunction) -> None:
    spec, subject = reward.ensemble.spec, source.subject
    for name in ("observation_space", "action_space"):
        got, expected = getattr(subject, name), space_to_dict(getattr(spec, name))
        if got != expected:
            raise RewardDataError(
                f"{source.path} (clips of {subject.env_id}) has {name} {got}; the reward, learnt in {reward.env_id}, "
                f"expects {expected}. Name clips of that environment, or a reward of this one."
            )


@dataclass(frozen=True)
class Agreement:
    """How scores agree with what is known of the clips.

    Args:
        rank_correlation: Spearman, of predicted and true return over the clips; NaN where one is constant.
        pair_accuracy: share of the decided answers whose preferred clip has the higher predicted return; NaN without.
        decided: answers that are left or right.
    """

    rank_correlation: float
    pair_accuracy: float
    decided: int


def agreement(scores: Mapping[str, ClipScore], source: PreferenceSource) -> Agreement:
    """Compare the scores, by clip id, with true returns and with the answers of the source that they are from."""
    predicted = np.array([score.predicted_return for score in scores.values()])
    true = np.array([score.true_return for score in scores.values()])
    right = decided = 0
    for preference in (saved.preference for saved in checked_preferences(source, set(scores))):
        if preference.answer.mu_left in (0.0, 1.0):
            margin = scores[preference.left_id].predicted_return - scores[preference.right_id].predicted_return
            decided += 1
            right += margin > 0 if preference.answer.mu_left == 1.0 else margin < 0
    return Agreement(rank_correlation(predicted, true), right / decided if decided else math.nan, decided)
