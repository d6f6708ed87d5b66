"""RewardLearner: fits the ensemble in a process of its own and publishes versions, as a Ray actor."""

import time
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import ray
import torch
from ray import ObjectRef
from ray.actor import ActorHandle

from rlhp_ray.actors.preference_buffer import RoundData
from rlhp_ray.actors.process_usage import ProcessUsage, keep_freed_memory, process_usage
from rlhp_ray.actors.trial_actors import LearnerState
from rlhp_ray.reward.ensemble import EnsembleSpec, PublishedReward, RewardEnsemble
from rlhp_ray.reward.ensemble_fitting import EnsembleFitter, FitMetrics
from rlhp_ray.reward.fit_recipe import FitRecipe
from rlhp_ray.reward.labelled_pairs import LabelledPairBuffer
from rlhp_ray.reward.observation_scaling import ObservationScaling
from rlhp_ray.reward.round_diagnosis import RoundDiagnosis, RoundDiagnostics, is_diagnosed


@dataclass(frozen=True)
class FitSettings:
    """How an ensemble is fitted; see the configuration's section `reward`."""

    learning_rate: float
    batch_pairs: int
    pretraining_epochs: int
    epochs_per_round: int
    pairs_per_round: int | None
    recipe: FitRecipe


@dataclass(frozen=True, eq=False)
class FittedRound:
    """Result of one round of fitting.

    Args:
        published: the new version.
        optimiser: its optimiser state, for a checkpoint that need not wait for the next round.
        metrics: of the fit, None where there was no label yet.
        recent_returns: `[members, num_recent]` normalised predicted return of each sampled clip.
        recent_rewards_std: spread of members: mean over steps of the std over members, in reward units.
        recent_reward_mean: mean reward over the sampled steps (0 by construction where they were normalised over).
        recent_reward_std: standard deviation of the reward over the sampled steps.
        diagnostics: what else this round says of the predictor; None of a round that is not looked at.
        fit_seconds: time of the round.
        usage: of the learner's process so far.
    """

    published: PublishedReward
    optimiser: bytes
    metrics: FitMetrics | None
    recent_returns: np.ndarray
    ensemble_spread: float
    recent_reward_mean: float
    recent_reward_std: float
    diagnostics: RoundDiagnostics | None
    fit_seconds: float
    usage: ProcessUsage


@ray.remote
class RewardLearner:
    """Owns ensemble, optimiser and the labels it trains on.

    Args:
        spec: of the ensemble.
        settings: of the fit.
        seed: of the run.
        window: labels fitted to at most; None for all.
        device: torch's name of where the networks are fitted.
    """

    def __init__(
        self, spec: EnsembleSpec, settings: FitSettings, seed: int, window: int | None, device: str = "cpu"
    ) -> None:
        torch.set_num_threads(1)
        keep_freed_memory()
        torch.set_flush_denormal(True)  # gradients of labels learnt by heart are that small, and ten times as slow
        self._settings = settings
        self._ensemble = RewardEnsemble(spec, device)
        self._fitter = EnsembleFitter(
            self._ensemble, settings.learning_rate, settings.batch_pairs, seed, settings.recipe
        )
        self._seed = seed
        self._window = window
        self._pairs = LabelledPairBuffer(window)
        self._begins_anew = False

    def fit_round(self, data: RoundData) -> FittedRound:
        """Take in new labels, fit, and publish the next version.

        A loaded reward without any label stays as it is, normaliser included: to renormalise it as the policy improves
        would move the goal that the policy and the value function are trained on.
        """
        started = time.perf_counter()
        self.add_pairs(data)
        assert data.recent is not None, "a round without recent clips cannot be normalised"
        diagnosis = None
        if not len(self._pairs) or is_diagnosed(self._ensemble.version + 1, self._settings.pairs_per_round):
            diagnosis = RoundDiagnosis(self._ensemble, data.recent, self._settings.recipe.response_error)
        metrics = None
        if len(self._pairs):
            first = self._ensemble.version == 0 or self._begins_anew
            epochs = self._settings.pretraining_epochs if first else self._settings.epochs_per_round
            most = None if first else self._settings.pairs_per_round
            metrics = self._fitter.fit(self._pairs.all(), epochs, self._ensemble.version, most, anew=self._begins_anew)
            self._begins_anew = False
        raw = self._ensemble.member_rewards_of_clips(data.recent)
        if metrics is None and self._ensemble.version > 0:
            published = self._ensemble.published()
        else:
            published = self._ensemble.publish(self._ensemble.version + 1, raw)
        members, num_clips, clip_steps = raw.shape
        rewards = published.normaliser.normalised(raw.reshape(members, -1))
        diagnostics = None
        if diagnosis is not None:
            labels = self._pairs.all() if len(self._pairs) else None
            diagnostics = diagnosis.finished(raw, data.fresh, data.reference, labels, self._seed)
        return FittedRound(
            published=published,
            optimiser=self._optimiser_state(),
            metrics=metrics,
            recent_returns=rewards.reshape(members, num_clips, clip_steps).sum(-1),
            ensemble_spread=float(rewards.std(axis=0).mean()),
            recent_reward_mean=float(rewards.mean(axis=0).mean()),
            recent_reward_std=float(rewards.mean(axis=0).std()),
            diagnostics=diagnostics,
            fit_seconds=time.perf_counter() - started,
            usage=process_usage(),
        )

    def add_pairs(self, data: RoundData) -> None:
        """Take in labels without fitting, as after a resume."""
        if data.new_pairs is not None:
            self._pairs.add(data.new_pairs)

    def forget_labels(self) -> None:
        """Drop all labels, since some count otherwise now: the next fit is as the first one, to those given by then.

        Until there is a label, the reward stays as it is.
        """
        self._pairs = LabelledPairBuffer(self._window)
        self._begins_anew = True

    def set_scaling(self, scaling: ObservationScaling) -> None:
        """Fix observation scaling from the untrained policy's data, before the first round."""
        self._ensemble.scaling = scaling

    def load_published(self, published: PublishedReward) -> None:
        """Start from a loaded reward rather than from random weights."""
        self._ensemble.load(published)

    def _optimiser_state(self) -> bytes:
        file = BytesIO()
        torch.save(self._fitter.state_dict(), file)
        return file.getvalue()

    def take_over(self, state: LearnerState, buffer: ActorHandle, before_query: int | None) -> None:
        """Stand where a learner of the same trial stood, with its labels as they are stored, portion by portion.

        Args:
            state: to go on from.
            buffer: handle of a PreferenceBuffer.
            before_query: take the labels of the run's own queries before this one; None takes all.
        """
        self.restore(state.published, state.optimiser)
        self._begins_anew = state.begins_anew
        portions: ObjectRef = buffer.labels_again.remote(before_query)
        for portion in ray.get(portions):
            self.add_pairs(ray.get(buffer.replayed.remote(portion)))

    def restore(self, published: PublishedReward, state: bytes) -> None:
        """Take up a checkpoint's ensemble and optimiser, without labels. Only tensors and numbers are unpickled.

        Args:
            published: the ensemble.
            state: of the optimiser; empty before the first round.
        """
        self._pairs = LabelledPairBuffer(self._window)
        self._ensemble.load(published)
        if not state:
            return
        self._fitter.load_state_dict(torch.load(BytesIO(state), map_location="cpu", weights_only=True))
