"""A short rollout of the untrained policy, through the environment that the run trains in: what is really seen there.

No Ray: the same vector environment, wrapper, observation scaling and networks, in this process.
"""

import time
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from rlhp_ray.clips.clip import Clip, ClipArrays
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.envs.registry import EnvDescription
from rlhp_ray.policy.rollouts import SamplingPolicy, untrained_network
from rlhp_ray.policy.starting_point import load_starting_point
from rlhp_ray.reward.ensemble import PublishedReward, RewardEnsemble
from rlhp_ray.reward.observation_scaling import ObservationScaling
from rlhp_ray.reward.observation_statistics import InputObserver, Moments
from rlhp_ray.reward.reward_swap import RewardSwapVectorEnv
from rlhp_ray.reward.run_ensemble import ensemble_spec
from rlhp_ray.reward.run_env import make_run_env
from rlhp_ray.seeding import derive_seed

MAX_COPIES = 16  # more show no more of the environment
CLIPS_WANTED, FEWEST_WANTED = 200, 20
MAX_CLIP_BYTES = 2 * 10**8
STEPS_PER_CLIP_STEP = 2  # of those that would fill the clips wanted: where visible ends let none be finished
SHARE_FOR_SCALING = 0.4  # of the time, where entries without bounds are scaled from data first


@dataclass(frozen=True, eq=False)
class UntrainedRollout:
    """What was seen.

    Args:
        scaling: of the observations, as the run would fix it.
        policy_saw: what entered the policy network.
        predictor_saw: what entered the reward networks.
        clips: oldest first.
        episode_steps: length of each episode that ended, or of each game whose end was hidden but told.
        copies: of the environment.
        env_steps: taken.
        seconds: taken for them, without the reset before.
        failure: why the environment could not be stepped on, or None.
        is_cut_short: whether time was up before what was wanted had been seen: mostly starts of episodes then.
    """

    scaling: ObservationScaling
    policy_saw: Moments | None = None
    predictor_saw: Moments | None = None
    clips: list[Clip] = field(default_factory=list)
    episode_steps: tuple[int, ...] = ()
    copies: int = 1
    env_steps: int = 0
    seconds: float = 0.0
    failure: str | None = None
    is_cut_short: bool = False


def roll_out_untrained(
    config: RunConfig, description: EnvDescription, seconds: float, most_copies: int = MAX_COPIES
) -> UntrainedRollout:
    """Roll out at most so many copies until about 200 clips are filled, or this much time is over.

    Raises:
        CheckpointError: what the run is to start from cannot be read or does not fit.
        RewardNetworkError: a reward network of the user's cannot be used.
    """
    spec = ensemble_spec(config, description)
    start = load_starting_point(config, spec)
    ensemble = RewardEnsemble(spec)
    ensemble.load(start.published)
    if start.policy is not None:
        network = start.policy.network
    else:
        seed = derive_seed(config.seed, "check", "network")
        network = untrained_network(ensemble.scaling, description.action_space, config.training.hidden_sizes, seed)
    policy = SamplingPolicy(network, description.action_space, derive_seed(config.seed, "check", "actions"))
    copies = min(most_copies, config.env.num_envs)
    env = make_run_env(config, description, ensemble, num_envs=copies, use_true_reward=False, records=True)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as a run does
    try:
        looker = _Looker(config, description, env, ensemble, policy)
        if not ensemble.scaling.needs_data:
            return looker.look(seconds)
        first = looker.look(SHARE_FOR_SCALING * seconds)
        if first.failure is not None or not first.clips:
            return first
        seen = ClipArrays.from_clips(first.clips).observations
        scaling = ensemble.scaling.fitted_to(seen.reshape(-1, *seen.shape[2:]))
        before = ensemble.published()
        ensemble.load(PublishedReward(before.version, before.weights, before.normaliser, scaling))
        return looker.look((1 - SHARE_FOR_SCALING) * seconds)
    finally:
        torch.set_num_threads(threads)
        env.close()


class _Looker:
    def __init__(
        self,
        config: RunConfig,
        description: EnvDescription,
        env: RewardSwapVectorEnv,
        ensemble: RewardEnsemble,
        policy: SamplingPolicy,
    ) -> None:
        self._env, self._ensemble, self._policy = env, ensemble, policy
        self._seed = derive_seed(config.seed, "check", "rollout")
        clip_steps = config.preferences.clip_steps
        clip_bytes = clip_steps * description.observation_bytes // (description.frame_stack or 1)
        self._clips_wanted = min(CLIPS_WANTED, max(FEWEST_WANTED, MAX_CLIP_BYTES // clip_bytes))
        self._most_env_steps = STEPS_PER_CLIP_STEP * self._clips_wanted * clip_steps
        self._clip_steps = clip_steps

    def look(self, seconds: float) -> UntrainedRollout:
        """One rollout from a reset of all environments."""
        shape = self._env.single_observation_space.shape
        assert shape is not None
        policy_observer = InputObserver(len(shape), every=1)
        dimensions = len(self._ensemble.spec.network_shape.observation_shape)
        self._ensemble.observer = InputObserver(dimensions, every=1, step_rows=self._env.num_envs)
        seen = UntrainedRollout(self._ensemble.scaling, copies=self._env.num_envs)
        begun = started = time.perf_counter()
        try:
            observations, _ = self._env.reset(seed=self._seed)
            begun = time.perf_counter()
            while len(seen.clips) < self._clips_wanted and seen.env_steps < self._most_env_steps:
                for _ in range(self._clip_steps):
                    policy_observer.observe(torch.from_numpy(np.ascontiguousarray(observations)))
                    observations, _, _ = self._env.advance(self._policy.act(observations))
                    if time.perf_counter() - started > seconds:
                        seen = replace(seen, is_cut_short=True)
                        break
                self._env.pay()
                seen = self._harvested(seen)
                if seen.is_cut_short:
                    break
        except Exception as error:  # of the user's environment, which may raise anything
            seen = replace(seen, failure=f"{type(error).__name__}: {' '.join(str(error).split())}")
        return replace(
            seen,
            policy_saw=policy_observer.take(),
            predictor_saw=self._ensemble.observer.take(),
            seconds=time.perf_counter() - begun,
        )

    def _harvested(self, seen: UntrainedRollout) -> UntrainedRollout:
        harvest = self._env.drain(0)
        return replace(
            seen,
            clips=[*seen.clips, *harvest.clips],
            episode_steps=(*seen.episode_steps, *(episode.env_steps for episode in harvest.episodes)),
            env_steps=seen.env_steps + harvest.env_steps,
        )
