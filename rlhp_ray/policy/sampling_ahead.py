"""PPO whose env runners, where they have processes of their own, collect the next batch while it learns from this."""

from functools import partial

from ray.rllib.algorithms.ppo import PPO
from ray.rllib.env.env_runner import EnvRunner
from ray.rllib.env.multi_agent_episode import MultiAgentEpisode
from ray.rllib.env.single_agent_episode import SingleAgentEpisode
from ray.rllib.utils.metrics import (
    ALL_MODULES,
    ENV_RUNNER_RESULTS,
    ENV_RUNNER_SAMPLING_TIMER,
    LEARNER_RESULTS,
    LEARNER_UPDATE_TIMER,
    NUM_ENV_STEPS_SAMPLED_LIFETIME,
    NUM_MODULE_STEPS_TRAINED_LIFETIME,
    SYNCH_WORKER_WEIGHTS_TIMER,
    TIMERS,
)

from rlhp_ray.policy.runner_group import Drained, drain_runner

TAG = "sampling_ahead"  # of the requests, among other ones of RLlib's
WEIGHTS_TAG = "set_state"  # of RLlib's own, of which there is one at a time
Episodes = list[SingleAgentEpisode | MultiAgentEpisode]
Sample = tuple[Episodes, dict, Drained]  # of one env runner: episodes, metrics, and what it recorded meanwhile


class SamplingAheadPPO(PPO):
    """PPO that does not let its env runners wait for its learner.

    The policy that collected a batch is then one update older than the one that learns from it. PPO's ratio is that of
    the new policy to the one that acted, whichever that was, so nothing else changes.
    """

    def train_sampling_ahead(self, env_steps: int) -> list[Drained]:
        """One iteration: take the batch that was collected meanwhile, ask for the next, learn.

        It stands in place of `training_step`, and like that does nothing where all env runners failed: RLlib restores
        them before the next one. What env runners recorded comes with the batch: asked for it by itself, they would
        have to be waited for until the next batch is there, and then to wait in their turn.

        Args:
            env_steps: taken by now, to stamp what is recorded next with.

        Returns:
            What each env runner recorded in the batch.
        """
        assert self.env_runner_group is not None and self.learner_group is not None
        assert self.config is not None and self.metrics is not None
        with self.metrics.log_time((TIMERS, ENV_RUNNER_SAMPLING_TIMER)):
            self._ask_ahead(env_steps)  # at first, and of env runners that have taken the place of failed ones
            episodes, drained = self._take()
        self._ask_ahead(env_steps)
        if not episodes:
            return drained
        steps = {
            NUM_ENV_STEPS_SAMPLED_LIFETIME: self.metrics.peek((ENV_RUNNER_RESULTS, NUM_ENV_STEPS_SAMPLED_LIFETIME)),
            NUM_MODULE_STEPS_TRAINED_LIFETIME: self.metrics.peek(
                (LEARNER_RESULTS, ALL_MODULES, NUM_MODULE_STEPS_TRAINED_LIFETIME), default=0
            ),
        }
        with self.metrics.log_time((TIMERS, LEARNER_UPDATE_TIMER)):
            results = self.learner_group.update(
                episodes=episodes,
                timesteps=steps,
                num_epochs=self.config.num_epochs,
                minibatch_size=self.config.minibatch_size,
                shuffle_batch_per_epoch=self.config.shuffle_batch_per_epoch,
            )
            self.metrics.aggregate(results, key=LEARNER_RESULTS)
        with self.metrics.log_time((TIMERS, SYNCH_WORKER_WEIGHTS_TIMER)):
            # the last weights were taken up before the batch under way was begun; RLlib leaves these out where it has
            # not heard so yet
            self.env_runner_group.fetch_ready_async_reqs(tags=WEIGHTS_TAG, timeout_seconds=self.config.sample_timeout_s)
            self.env_runner_group.sync_weights(
                from_worker_or_learner_group=self.learner_group,
                policies=[module for module in results[0] if module != ALL_MODULES],
                inference_only=True,
            )
        return drained

    def _ask_ahead(self, env_steps: int) -> None:
        """Ask all env runners for their share of a batch, unless one of them is still at it."""
        assert self.env_runner_group is not None
        if self.env_runner_group.num_in_flight_async_reqs(tag=TAG) == 0:
            self.env_runner_group.foreach_env_runner_async(partial(_sample, env_steps=env_steps), tag=TAG)

    def _take(self) -> tuple[Episodes, list[Drained]]:
        """What all env runners collected and recorded since they were asked; of those that failed, nothing."""
        assert self.env_runner_group is not None and self.config is not None and self.metrics is not None
        answers: list[tuple[int, Sample]] = self.env_runner_group.fetch_ready_async_reqs(
            tags=TAG, timeout_seconds=self.config.sample_timeout_s
        )
        if not answers:
            return [], []
        collected = [answer for _, answer in sorted(answers, key=lambda item: item[0])]
        self.metrics.aggregate([results for _, results, _ in collected], key=ENV_RUNNER_RESULTS)
        episodes = [episode for of_runner, _, _ in collected for episode in of_runner]
        return episodes, [drained for _, _, drained in collected]


def _sample(runner: EnvRunner, env_steps: int) -> Sample:
    return runner.sample(), runner.get_metrics(), drain_runner(runner, env_steps)
