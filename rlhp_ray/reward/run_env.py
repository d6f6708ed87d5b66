"""The vector environment that a run's configuration describes: clips, observation scaling, the predicted reward."""

from rlhp_ray.clips.episode_recorder import EpisodeRecorder
from rlhp_ray.clips.recorder import ClipRecorder
from rlhp_ray.config.schema import PEOPLE, RunConfig
from rlhp_ray.envs.action_log import action_log_of
from rlhp_ray.envs.env_choice import EnvChoice
from rlhp_ray.envs.registry import EnvDescription, make_vector_env
from rlhp_ray.reward.ensemble import RewardEnsemble
from rlhp_ray.reward.reward_swap import RewardSwapVectorEnv


def horizon_env_steps(config: RunConfig, description: EnvDescription) -> int | None:
    """The fixed horizon in env steps, or None where ends are visible."""
    return description.episode_steps if config.env.horizon == "auto" else config.env.horizon


def env_choice(config: RunConfig) -> EnvChoice:
    """Which environment the run's policy plays."""
    return EnvChoice(config.env.id, config.env.frame_skip, config.env.score_mask != "off")


def make_run_env(
    config: RunConfig,
    description: EnvDescription,
    ensemble: RewardEnsemble,
    *,
    num_envs: int,
    use_true_reward: bool,
    records: bool,
) -> RewardSwapVectorEnv:
    """Environments side by side, as the run trains in them.

    Args:
        config: of the run.
        description: of one environment.
        ensemble: predicts rewards, and owns the observation scaling.
        num_envs: copies.
        use_true_reward: give the environment's own reward.
        records: cut the steps into clips.
    """
    choice = env_choice(config)
    env = make_vector_env(
        choice.env_id,
        num_envs,
        frame_skip=choice.frame_skip,
        hides_score=choice.hides_score,
        horizon=horizon_env_steps(config, description),
        termination_penalty=config.env.termination_penalty,
    )
    recorder, log = None, None
    if records:
        log = action_log_of(env, config.preferences.clip_steps)
        recorder = ClipRecorder(
            num_envs,
            config.preferences.clip_steps,
            description.observation_space,
            description.action_space,
            description.frame_stack,
            log,
        )
    is_watched = records and config.teacher.preset == PEOPLE
    episodes = EpisodeRecorder(description.frame_stack, log) if is_watched else None
    return RewardSwapVectorEnv(
        env,
        ensemble,
        recorder,
        use_true_reward,
        config.reward.centred,
        episodes,
        stacks_frames=description.frame_stack is not None,
    )
