"""An env runner that keeps whole rollouts in arrays; RLlib's own makes Python objects of every step of every copy."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.rllib.core.columns import Columns
from ray.rllib.env.single_agent_env_runner import SingleAgentEnvRunner
from ray.rllib.env.single_agent_episode import SingleAgentEpisode
from ray.rllib.env.utils.infinite_lookback_buffer import InfiniteLookbackBuffer
from ray.rllib.utils.metrics import WEIGHTS_SEQ_NO
from ray.rllib.utils.spaces.space_utils import clip_action, unsquash_action

from rlhp_ray.actors.process_usage import keep_freed_memory
from rlhp_ray.errors import RlhpError
from rlhp_ray.policy.rl_modules import ActorCriticRLModule
from rlhp_ray.policy.swapped_env import TRIAL_NAME_KEY, swapped_env_of
from rlhp_ray.reward.reward_swap import RewardSwapVectorEnv


@dataclass(frozen=True, eq=False)
class Rollout:
    """T steps of N environments side by side; a step in which one resets itself is in the arrays and in no episode.

    Args:
        observations: `[T + 1, N, *observation]`, scaled.
        actions: `[T, N, *action]`, as the policy chose them: Box actions before they are scaled to their bounds.
        rewards: `[T, N]` float32, predicted.
        terminated: `[T, N]` bool, where the step ended an episode.
        truncated: `[T, N]` bool, where it cut one off.
        model_outputs: `[T, N, ...]` by RLlib's name of the column.
    """

    observations: np.ndarray
    actions: np.ndarray
    rewards: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    model_outputs: dict[str, np.ndarray]


@dataclass(frozen=True)
class _ChunkTotals:
    """What RLlib's metrics ask of the chunks of an episode; chunks themselves would hold its frames until it ends."""

    env_steps: int
    predicted_return: float
    seconds: float

    def __len__(self) -> int:
        return self.env_steps

    def get_return(self) -> float:
        return self.predicted_return

    def get_duration_s(self) -> float:
        return self.seconds


class ErrorInPlace:
    """An error that a remote call sends as its result. Whoever looks into the result meets the error."""

    def __init__(self, error: RlhpError) -> None:
        self._error = error

    def __getitem__(self, index: int) -> Any:
        raise self._error


def _unless_failed(func: Callable, runner: "RolloutRunner", *args: Any, **kwargs: Any) -> Any:
    if runner.error is None:
        try:
            return func(runner, *args, **kwargs)
        except RlhpError as error:
            runner.error = error
    return ErrorInPlace(runner.error)


class RolloutRunner(SingleAgentEnvRunner):
    """RLlib's env runner, with its own way of sampling a number of steps.

    It needs a `RewardSwapVectorEnv`, whose rewards it has predicted for many steps at once, and an
    `ActorCriticRLModule`. Episodes are those that RLlib's own runner gives. Connectors between environment and module,
    and callbacks of single steps and episodes, do not take part.
    """

    def __init__(self, *, config: AlgorithmConfig, **kwargs: Any) -> None:
        keep_freed_memory()  # of this process, which may be one of its own
        self.error: RlhpError | None = None
        self._is_blank = kwargs.get("worker_index", 0) > 0
        super().__init__(config=config, **kwargs)

    def apply(self, func: Callable, *args: Any, **kwargs: Any) -> Any:
        """RLlib's, but that an error of ours comes back in place of every result from then on.

        RLlib ends the process at any error and starts another one, which would meet this one as well.
        """
        return super().apply(partial(_unless_failed, func), *args, **kwargs)

    def take_up_reward(self) -> None:
        """A version of the reward was applied in the environment."""
        self._is_blank = False

    def __repr__(self) -> str:
        """What Ray's dashboard calls a runner that has a process of its own."""
        return f"EnvRunner-{self.worker_index}:{self.config.env_config.get(TRIAL_NAME_KEY)}"

    def _sample(
        self,
        *,
        num_timesteps: int | None = None,
        num_episodes: int | None = None,
        explore: bool,
        random_actions: bool = False,
        force_reset: bool = False,
    ) -> list[SingleAgentEpisode]:
        if self._is_blank:  # it died while nobody asked it anything, and Ray started it again: nobody knows of it yet
            raise RuntimeError("this env runner has taken the place of another one, and was given no reward yet")
        if num_timesteps is None or random_actions:
            return super()._sample(
                num_timesteps=num_timesteps,
                num_episodes=num_episodes,
                explore=explore,
                random_actions=random_actions,
                force_reset=force_reset,
            )
        if force_reset or self._needs_initial_reset:
            self._reset_envs_and_episodes(explore)
        rollout = self._roll_out(num_timesteps, explore)
        done, ongoing = self._episodes(rollout)
        self._done_episodes_for_metrics.extend(done)
        for episode in ongoing:
            totals = _ChunkTotals(len(episode), episode.get_return(), episode.get_duration_s())
            self._ongoing_episodes_for_metrics[episode.id_].append(totals)  # type: ignore[arg-type]  # all it asks of one
        steps = sum(len(episode) for episode in (*done, *ongoing))
        self._log_env_steps(metric=self._metrics_num_env_steps_sampled, num_steps=steps)
        self._increase_sampled_metrics(steps, len(done))
        return done + ongoing

    @property
    def _under_way(self) -> list[SingleAgentEpisode]:
        """An episode of each environment; RLlib's list holds None before the first reset only."""
        return [episode for episode in self._ongoing_episodes if episode is not None]

    @property
    def _swapped(self) -> RewardSwapVectorEnv:
        env = swapped_env_of(self)
        assert env is not None, f"{self.env} swaps no rewards"
        return env

    def _roll_out(self, num_timesteps: int, explore: bool) -> Rollout:
        env = self._swapped
        resetting = np.array([not episode.is_reset for episode in self._under_way])
        shown = [env.shown]
        columns: dict[str, list[np.ndarray]] = {}
        taken = 0
        while taken < num_timesteps:
            chosen = self._act(shown[-1], explore)
            observations, terminated, truncated = env.advance(self._for_env(chosen[Columns.ACTIONS]))
            shown.append(observations)
            ends = {Columns.TERMINATEDS: terminated, Columns.TRUNCATEDS: truncated}
            for name, values in (chosen | ends).items():
                columns.setdefault(name, []).append(values)
            taken += int(np.count_nonzero(~resetting))
            resetting = terminated | truncated
        stacked = {name: np.stack(values) for name, values in columns.items()}
        if explore:
            stacked[Columns.ACTION_LOGP] = self._log_probabilities(stacked)
        return Rollout(
            observations=np.stack(shown),
            actions=stacked.pop(Columns.ACTIONS),
            rewards=env.pay_rollout(),
            terminated=stacked.pop(Columns.TERMINATEDS),
            truncated=stacked.pop(Columns.TRUNCATEDS),
            model_outputs=stacked,
        )

    @torch.no_grad()
    def _act(self, observations: np.ndarray, explore: bool) -> dict[str, np.ndarray]:
        """Actions and what they were drawn from, `[N, ...]` by RLlib's name of the column."""
        module, batch = self.module, {Columns.OBS: torch.from_numpy(observations)}
        assert isinstance(module, ActorCriticRLModule)  # whose layers do the same in training and out of it, so that
        if explore:  # there is no need for RLlib's switching between the two, a third of the time, around these calls
            outputs, kind = module._forward_exploration(batch), module.get_exploration_action_dist_cls()
        else:
            outputs, kind = module._forward(batch), module.get_inference_action_dist_cls()
        distribution = kind.from_logits(outputs[Columns.ACTION_DIST_INPUTS])
        actions = (distribution if explore else distribution.to_deterministic()).sample()
        return {name: values.numpy() for name, values in {Columns.ACTIONS: actions, **outputs}.items()}

    def _log_probabilities(self, stacked: dict[str, np.ndarray]) -> np.ndarray:
        """`[T, N]` of the actions of a rollout, all at once: a step has too few to be worth a call."""
        inputs, actions = (torch.from_numpy(stacked[name]) for name in (Columns.ACTION_DIST_INPUTS, Columns.ACTIONS))
        module = self.module
        assert isinstance(module, ActorCriticRLModule)
        logp = module.get_exploration_action_dist_cls().from_logits(inputs).logp(actions)
        assert isinstance(logp, torch.Tensor)
        return logp.numpy()

    def _for_env(self, actions: np.ndarray) -> np.ndarray:
        """Actions in the units of the environment, as RLlib's `NormalizeAndClipActions` gives them."""
        space = self._swapped.single_action_space
        if not isinstance(space, gym.spaces.Box):
            return actions
        if self.config.normalize_actions:
            if space.low.dtype.kind != "f":
                return unsquash_action(actions, space)
            low, high = space.low, space.high  # RLlib's arithmetic, without its search through nested spaces
            return np.clip(low + (actions + 1.0) * (high - low) / 2.0, low, high)
        return clip_action(actions, space) if self.config.clip_actions else actions

    def _episodes(self, rollout: Rollout) -> tuple[list[SingleAgentEpisode], list[SingleAgentEpisode]]:
        """Cut a rollout into finished episodes, in the order of their ends, and chunks of those that go on."""
        finished: list[tuple[int, SingleAgentEpisode]] = []
        chunks = []
        steps = len(rollout.rewards)
        for index, current in enumerate(self._under_way):
            begin = 0 if current.is_reset else 1
            for end in np.flatnonzero((rollout.terminated | rollout.truncated)[:, index]):
                finished.append((int(end), self._chunk(rollout, index, slice(begin, end + 1), current)))
                current, begin = self._not_reset(), int(end) + 2
            if begin < steps:
                current = self._chunk(rollout, index, slice(begin, steps), current)
                chunks.append(current)
            if begin <= steps:
                current = self._going_on(current, rollout.observations[-1, index])
            self._ongoing_episodes[index] = current
        return [episode for _, episode in sorted(finished, key=lambda item: item[0])], chunks

    def _not_reset(self) -> SingleAgentEpisode:
        return SingleAgentEpisode(
            observation_space=self._swapped.single_observation_space, action_space=self._swapped.single_action_space
        )

    def _going_on(self, before: SingleAgentEpisode, observation: np.ndarray) -> SingleAgentEpisode:
        """What the next sample adds to."""
        return SingleAgentEpisode(
            id_=before.id_,
            observations=[observation],
            observation_space=self._swapped.single_observation_space,
            action_space=self._swapped.single_action_space,
            t_started=before.t,
            len_lookback_buffer=0,
        )

    def _chunk(self, rollout: Rollout, index: int, steps: slice, before: SingleAgentEpisode) -> SingleAgentEpisode:
        """These steps of one environment, which continue `before`."""
        length = steps.stop - steps.start
        outputs: dict[str, Any] = {name: values[steps, index] for name, values in rollout.model_outputs.items()}
        outputs[WEIGHTS_SEQ_NO] = np.full(length, self._weights_seq_no)
        return SingleAgentEpisode(
            id_=before.id_,
            observations=InfiniteLookbackBuffer(rollout.observations[steps.start : steps.stop + 1, index]),
            observation_space=self._swapped.single_observation_space,
            infos=[{} for _ in range(length + 1)],
            actions=InfiniteLookbackBuffer(rollout.actions[steps, index]),
            action_space=self._swapped.single_action_space,
            rewards=InfiniteLookbackBuffer(rollout.rewards[steps, index]),
            terminated=bool(rollout.terminated[steps.stop - 1, index]),
            truncated=bool(rollout.truncated[steps.stop - 1, index]),
            extra_model_outputs={name: InfiniteLookbackBuffer(values) for name, values in outputs.items()},
            t_started=before.t,
            len_lookback_buffer=0,
        )
