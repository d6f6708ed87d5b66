"""What a preference-driven trial does around RLlib's training: initial labels, rounds, versions, counts, metrics."""

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from ray.rllib.env.env_runner_group import EnvRunnerGroup

from rlhp_ray import metric_keys as keys
from rlhp_ray.actors.preference_buffer import RoundReport
from rlhp_ray.actors.preference_loop import FinishedRound, PreferenceLoop, replay_labels
from rlhp_ray.actors.process_usage import ProcessUsage, process_usage, total_usage
from rlhp_ray.actors.trial_actors import LearnerState, TrialActors
from rlhp_ray.clips.clip import ClipArrays
from rlhp_ray.clips.initial_rollouts import STINT_CLIPS, initial_env_steps
from rlhp_ray.config.schema import PEOPLE, RunConfig
from rlhp_ray.policy.people_pace import MAX_BEHIND, PeoplePace
from rlhp_ray.policy.run_diagnostics import RunDiagnostics
from rlhp_ray.policy.runner_group import (
    Drained,
    RunnerWatch,
    collect_untrained,
    harvest_runners,
    merge_drained,
    publish_to_runners,
    restart_runners,
)
from rlhp_ray.preferences.schedule_choice import label_schedule, last_useful_start
from rlhp_ray.reward.ensemble import EnsembleSpec, PublishedReward, RewardEnsemble
from rlhp_ray.reward.rank_correlation import rank_correlation
from rlhp_ray.reward.reward_swap import Harvest
from rlhp_ray.seeding import derive_seed

SPELL_SECONDS = 5.0  # the policy is held by spells of this length, so that the progress line goes on
POLL_SECONDS = 0.5


class PreferenceTraining:
    """State of one trial beside RLlib's own: env steps, labels, the reward version in force.

    Args:
        config: of the run.
        spec: of the ensemble.
        runners: RLlib's env runners.
        batch_env_steps: env steps in one training iteration.
        actors: buffer and learner, or None on true reward.
    """

    def __init__(
        self,
        config: RunConfig,
        spec: EnsembleSpec,
        runners: EnvRunnerGroup,
        batch_env_steps: int,
        actors: TrialActors | None,
    ) -> None:
        self._config = config
        self.spec = spec
        self._runners = runners
        self._runner_watch = RunnerWatch(runners)
        self._batch_env_steps = batch_env_steps
        self._schedule = label_schedule(config, batch_env_steps)
        self._last_useful_start = last_useful_start(config, batch_env_steps)
        self.actors = actors
        self.loop = PreferenceLoop(actors, self._learner_state, config.mode == "sync") if actors else None
        self.published: PublishedReward = RewardEnsemble(spec).published()
        self.env_steps = 0
        self.labels = 0
        self.queries = 0
        self._more_answers = 0  # that others had asked for, of those who share them
        self.weight_changes = 0  # that the reward in force was fitted after
        self._seen_weight_changes = 0
        self.started = False
        self.optimiser = b""
        self.clips_recorded = 0
        self.metrics: dict[str, float] = {}
        self._notices: list[str] = []
        self._usages: dict[str, ProcessUsage] = {}
        self._round_interval = config.reward.round_interval_env_steps or 0
        self.last_round_env_steps = 0
        self._pace = PeoplePace(config.labelling.patience_seconds) if config.teacher.preset == PEOPLE else None
        taught_otherwise = config.teacher.reward_function or config.teacher.callable
        self.diagnostics = RunDiagnostics(is_true_return_taught=not taught_otherwise)

    def take_up_stored_labels(self) -> None:
        """Give the learner the labels that the run starts with, for its first round.

        Async mode: also those that a killed run stored before its first checkpoint. In sync mode the same queries come
        again, and their stored answers are found then.
        """
        sync = self._config.mode == "sync"
        if self.actors is None or (sync and self._config.preferences.load is None):
            return
        stored = replay_labels(self.actors.buffer, self.actors.learner, 0 if sync else None)
        self.queries, self.labels = stored.queries, stored.new_labels
        self.weight_changes = self._seen_weight_changes = stored.weight_changes
        self.metrics[keys.LABELS_LOADED] = stored.loaded_labels

    def _learner_state(self) -> LearnerState:
        begins_anew = self.weight_changes != self._seen_weight_changes
        return LearnerState(self.published, self.optimiser, self.queries, begins_anew)

    @property
    def _is_reward_final(self) -> bool:
        """Whether there is nothing to fit: a loaded reward, no preferences beside it, and no query to ask."""
        return self._config.preferences.labels == 0 and self._config.preferences.load is None

    def collect_initial(self, set_scaling: Callable[[PublishedReward], None]) -> None:
        """Roll out the untrained policy, fix the scaling, label and fit the first version; nothing else is learnt.

        A reward that is final needs none of it. People are waited for by spells: until they have answered, each call
        returns with `started` unset.

        Args:
            set_scaling: called with the version whose scaling is fixed, before anything is fitted.
        """
        fits = self.loop is not None and not self._is_reward_final
        if self.env_steps == 0:
            self._collect_untrained(fits, set_scaling)
        if self.loop is not None and fits:
            initial = self._schedule.initial_labels
            if self._pace is not None and self._waits_for_people(
                self._pace, initial, max_behind=min(MAX_BEHIND, initial // 10)
            ):
                return
            self._start_round(initial)
            self._take_up(self.loop.finished_round(wait=True))
            self.loop.waited_seconds = 0.0
        self.last_round_env_steps = self.env_steps
        self.started = True

    def _collect_untrained(self, fits: bool, set_scaling: Callable[[PublishedReward], None]) -> None:
        if fits or self.published.scaling.needs_data:
            stint_steps = STINT_CLIPS * self._config.preferences.clip_steps
            initial = initial_env_steps(self._config, self._schedule.initial_labels, self._batch_env_steps)
            collect_untrained(self._runners, initial, stint_steps)
        harvest = self._harvest()
        if self.published.scaling.needs_data:
            observations = ClipArrays.from_clips(harvest.clips).observations
            scaling = self.published.scaling.fitted_to(observations.reshape(-1, *observations.shape[2:]))
            self.published = PublishedReward(
                self.published.version, self.published.weights, self.published.normaliser, scaling
            )
            set_scaling(self.published)
            self.diagnostics.scaling_changed()
        self._apply(self.published)
        if self.loop is not None and fits:
            self.loop.send_clips(harvest.clips)

    def is_held_for_people(self) -> bool:
        """Whether the policy is too far ahead of the people who answer; waits a spell for them first."""
        if self._pace is None or self.loop is None:
            return False
        due = self._schedule.due(self.env_steps)
        if not self._pace.holds(due, self.queries):
            return False
        self.settle()
        return self._waits_for_people(self._pace, due)

    def _waits_for_people(self, pace: PeoplePace, due: int, max_behind: int = MAX_BEHIND) -> bool:
        """Take up answers for a spell, or until the policy may go on; whether it may not."""
        assert self.loop is not None
        deadline = time.monotonic() + SPELL_SECONDS
        while True:
            self._count(self.loop.poll(due, self.env_steps, self.published))
            is_held = pace.holds(due, self.queries, max_behind)
            self.metrics[keys.HELD_FOR_PEOPLE] = float(is_held)
            if not is_held or time.monotonic() > deadline:
                self.metrics[keys.TIME_WAITING] = self.loop.waited_seconds
                return is_held
            time.sleep(POLL_SECONDS)
            self.loop.waited_seconds += POLL_SECONDS

    def before_iteration(self) -> None:
        """Start the next round where one is due: it is fitted while the policy plays and learns.

        Not after the iteration before: in sync mode a barrier would wait for it.
        """
        if self.loop is None or self.loop.busy or self.env_steps > self._last_useful_start:
            return
        if self._is_round_due:
            self._start_round(self._schedule.due(self.env_steps))

    def after_iteration(self, drained: list[Drained] | None = None) -> None:
        """Send clips, take up the round in flight.

        Args:
            drained: what env runners recorded, which are at work again and not waited for; None asks them.
        """
        harvest = self._harvest(drained)
        if self.loop is None:
            return
        self.loop.send_clips(harvest.clips)
        self._take_up(self.loop.finished_round(), wait_for_runners=drained is None)
        self.metrics[keys.CLIPS_DROPPED] = self.loop.clips_dropped
        self.metrics[keys.TIME_WAITING] = self.loop.waited_seconds

    @property
    def _is_round_due(self) -> bool:
        """Whether the interval is over, or this is the last round that is of use.

        Never where no env step was taken since the last one: all env runners are being replaced.
        """
        if self.env_steps == self.last_round_env_steps:
            return False
        is_last = self.env_steps + self._batch_env_steps > self._last_useful_start
        return is_last or self.env_steps - self.last_round_env_steps >= self._round_interval

    def _start_round(self, due: int) -> None:
        assert self.loop is not None
        self.last_round_env_steps = self.env_steps
        self.diagnostics.round_started()
        self.loop.start_round(due, self.env_steps, self.published)

    def settle(self) -> None:
        """Wait for the round in flight and take it up."""
        if self.loop is not None:
            self._take_up(self.loop.finished_round(wait=True))

    def ask_the_rest(self) -> None:
        """Spend what is left of the budget and take it up: the end of the run, where no policy waits any more.

        People are not asked about a policy that learns no more.
        """
        if self.loop is None:
            return
        waited = self.loop.waited_seconds
        self.settle()
        if self._pace is None and self.queries < self._config.preferences.labels:
            self._start_round(self._config.preferences.labels)
            self.settle()
        while self._more_answers:
            self._start_round(self._config.preferences.labels if self._pace is None else 0)
            self.settle()
        self.loop.waited_seconds = waited

    def restart(self, iteration: int) -> None:
        """The barrier of sync mode: reset environments and reseed, from the run's seed and the iteration."""
        restart_runners(self._runners, derive_seed(self._config.seed, "barrier", iteration))

    def restore(self, published: PublishedReward, counts: dict[str, Any]) -> None:
        """Take up the version, counts and latest metrics of a checkpoint."""
        self.env_steps, self.queries, self.labels = counts["env_steps"], counts["queries"], counts["labels"]
        self.started = bool(counts["started"])
        self.last_round_env_steps = counts.get("last_round_env_steps", self.env_steps)  # of before: none
        self.weight_changes = self._seen_weight_changes = counts.get("weight_changes", 0)  # of before: none
        self.metrics = dict(counts["metrics"])
        if "diagnostics" in counts:  # a checkpoint of before has none: rounds then count from here
            self.diagnostics.restore(counts["diagnostics"])
        self._apply(published)

    def apply_current(self, wait: bool = True) -> None:
        """Apply the version in force in all environments; see `publish_to_runners`."""
        publish_to_runners(self._runners, self.published, wait)

    def runners_replaced(self, number: int) -> None:
        """So many new env runners have taken the place of others: they get the version in force."""
        self.apply_current()
        self._runner_watch.replaced(number)

    def _apply(self, published: PublishedReward, wait: bool = True) -> None:
        self.published = published
        self.apply_current(wait)
        self.metrics[keys.REWARD_VERSION] = published.version

    def _harvest(self, drained: list[Drained] | None = None) -> Harvest:
        if drained is None:
            harvest, runners_usage = harvest_runners(self._runners, self.env_steps)
        else:
            harvest, runners_usage = merge_drained(drained)
        self._runner_watch.look()
        self.env_steps += harvest.env_steps
        self.metrics[keys.ENV_STEPS] = self.env_steps
        self.clips_recorded = len(harvest.clips)
        if self.loop is not None:
            self.loop.clips_dropped += harvest.clips_dropped
            if harvest.newest_episode is not None:
                self.loop.send_episode(harvest.newest_episode, self.env_steps)
        self._count_usage({keys.MEMORY_TRIAL: process_usage(), keys.MEMORY_RUNNERS: runners_usage})
        if self.loop is not None:
            self.metrics.update(self.diagnostics.acted(harvest))
            self._notice(self.diagnostics.take_notices())
        for key, field in ((keys.TRUE_RETURN, "true_return"), (keys.PREDICTED_RETURN, "predicted_return")):
            values = [getattr(episode, field) for episode in harvest.episodes]
            if values:
                self.metrics[key] = float(np.mean(values))
            else:
                self.metrics.pop(key, None)
        return harvest

    def _count_usage(self, usages: dict[str, ProcessUsage]) -> None:
        """Take in what some processes use, by the key of their memory; the others are as they were told of last."""
        self._usages |= usages
        self.metrics |= {key: usage.resident_megabytes for key, usage in self._usages.items()}
        total = total_usage(self._usages.values())
        self.metrics[keys.MEMORY] = total.resident_megabytes
        self.metrics[keys.CPU_SECONDS] = total.cpu_seconds
        self.metrics[keys.WRITTEN] = total.written_megabytes

    def _take_up(self, finished: FinishedRound | None, wait_for_runners: bool = True) -> None:
        if finished is None:
            return
        report, fitted = finished.report, finished.fitted
        self._apply(fitted.published, wait_for_runners)
        self.optimiser = fitted.optimiser
        self._count_usage({keys.MEMORY_BUFFER: report.usage, keys.MEMORY_LEARNER: fitted.usage})
        if report.weight_changes == self._seen_weight_changes:
            self.weight_changes = report.weight_changes
        self._count(report)
        self.metrics.update(
            {
                keys.FIT_LAG: self.env_steps - finished.started_env_steps,
                keys.REWARD_TRUE_CORRELATION: rank_correlation(
                    fitted.recent_returns.mean(axis=0), report.recent_true_returns
                ),
                keys.ENSEMBLE_SPREAD: fitted.ensemble_spread,
                keys.REWARD_MEAN: fitted.recent_reward_mean,
                keys.REWARD_STD: fitted.recent_reward_std,
                keys.TIME_FITTING: fitted.fit_seconds,
                keys.CLIPS_POOL: report.pool_clips,
                keys.CLIPS_POOL_MEGABYTES: report.pool_megabytes,
            }
        )
        self.metrics.update(self.diagnostics.round_finished(report, fitted))
        self._notice(self.diagnostics.take_notices())
        if fitted.metrics is not None:
            self.metrics[keys.REWARD_TRAINING_LOSS] = fitted.metrics.training_loss
            self.metrics[keys.REWARD_VALIDATION_LOSS] = fitted.metrics.validation_loss
            self.metrics[keys.REWARD_VALIDATION_ACCURACY] = fitted.metrics.validation_accuracy
            self.metrics[keys.REWARD_L2] = fitted.metrics.l2_coefficient

    def _count(self, report: RoundReport) -> None:
        assert self.loop is not None
        self.queries, self._more_answers = report.queries, report.more_answers
        self.labels += report.new_labels
        self.metrics |= {keys.QUERIES: self.queries, keys.LABELS: self.labels}
        if report.new_labels:
            self.metrics[keys.TIE_SHARE] = report.new_ties / report.new_labels
        self._notice(report.notices)
        if report.weight_changes != self._seen_weight_changes and self._config.mode == "async":
            self._fit_anew()

    def _fit_anew(self) -> None:
        """Answers were withdrawn or weighted: the next round fits a new reward to the labels as they count now."""
        assert self.loop is not None
        stored = self.loop.replace_labels()
        self._seen_weight_changes = stored.weight_changes
        self.queries, self.labels, self._more_answers = stored.queries, stored.new_labels, stored.more_answers
        self.metrics |= {keys.QUERIES: self.queries, keys.LABELS: self.labels}
        self._notice(
            [
                f"Answers were withdrawn or weighted: the next round fits the reward anew to the {self.labels:,} "
                "labels that count."
            ]
        )

    def take_recoveries(self) -> list[tuple[str, float]]:
        """What died and was replaced since the last call, with the seconds that were lost by it."""
        recoveries = self._runner_watch.take_recoveries()
        if self.loop is not None:
            recoveries += self.loop.take_recoveries()
        self._notice(
            [
                f"The {recovery.kind.text} died; {recovery.seconds_lost:.1f} s after that was noticed, another one had "
                "taken its place."
                for recovery in recoveries
            ]
        )
        return [(recovery.kind.value, recovery.seconds_lost) for recovery in recoveries]

    def _notice(self, texts: list[str]) -> None:
        for text in texts:
            warnings.warn(text, UserWarning, stacklevel=2)  # for library use; the command line reads the results
        self._notices += texts

    def take_notices(self) -> list[str]:
        """What the user must see since the last call."""
        notices, self._notices = self._notices, []
        return notices
