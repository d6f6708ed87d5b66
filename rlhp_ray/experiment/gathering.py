"""Preferences by themselves: clips of an untrained or a given policy, compared by the teacher, without Ray."""

from functools import partial
from pathlib import Path

from rlhp_ray.clips.clip import ClipArrays
from rlhp_ray.clips.initial_rollouts import INITIAL_CLIPS_PER_QUERY, STINT_CLIPS, rollout_env_steps
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.envs.registry import EnvDescription, warn_if_score_shown
from rlhp_ray.errors import RewardDataError
from rlhp_ray.experiment.live_line import LiveLine
from rlhp_ray.experiment.piece_archive import PieceArchive
from rlhp_ray.policy.rollouts import SamplingPolicy, roll_out, untrained_network
from rlhp_ray.policy.starting_point import load_starting_point
from rlhp_ray.preferences.pair_chooser import ClipModels
from rlhp_ray.preferences.pair_collector import RECENT_CLIPS
from rlhp_ray.preferences.preference_collector import PreferenceCollector
from rlhp_ray.preferences.preference_store import PreferenceStore
from rlhp_ray.preferences.teacher_choice import check_teacher, make_teacher
from rlhp_ray.reward.clip_features import clip_features
from rlhp_ray.reward.ensemble import RewardEnsemble
from rlhp_ray.reward.run_ensemble import ensemble_spec, preference_subject
from rlhp_ray.reward.run_env import make_run_env
from rlhp_ray.seeding import derive_rng, derive_seed

QUERIES_AT_ONCE = 50  # chosen, answered and made durable together


def gather_preferences(config: RunConfig, description: EnvDescription, *, config_name: str, command: str) -> Path:
    """Ask all `preferences.labels` queries about the clips of one policy, as the initial stage of a run does.

    Args:
        config: validated for gathering.
        description: of the environment.
        config_name: for the name of the directory.
        command: for the archive.

    Returns:
        The directory that was written.

    Raises:
        ConfigError: the directory exists, or the teacher asks for the RAM of what is no Atari game.
        CheckpointError: the policy to load cannot be read or does not fit.
        TeacherError: a function of the user's fails.
        RewardDataError: too few clips that differ can be had.
    """
    check_teacher(config)
    warn_if_score_shown(description, config.env.score_mask)
    gathering = _Gathering(config, description)
    archive = PieceArchive.of(config, f"{config_name}-gathered-seed{config.seed}", command)
    gathering.run(archive.preferences_file)
    return archive.directory


class _Gathering:
    """Everything but the place to write to, so that nothing is written where something does not fit."""

    def __init__(self, config: RunConfig, description: EnvDescription) -> None:
        self._config = config
        self._spec = ensemble_spec(config, description)
        self._teacher = make_teacher(config.teacher)
        start = load_starting_point(config, self._spec)
        ensemble = RewardEnsemble(self._spec)
        ensemble.load(start.published)
        self._scaling, space = ensemble.scaling, description.action_space
        if start.policy is not None:
            network = start.policy.network
        else:
            seed = derive_seed(config.seed, "gather", "network")
            network = untrained_network(self._scaling, space, config.training.hidden_sizes, seed)
        self._policy = SamplingPolicy(network, space, derive_seed(config.seed, "gather", "actions"))
        self._env = make_run_env(
            config, description, ensemble, num_envs=config.env.num_envs, use_true_reward=True, records=True
        )
        self._line = LiveLine()
        self._rollouts = 0
        self._env_steps = 0

    def run(self, database: Path) -> None:
        """Gather into a new database."""
        labels = self._config.preferences.labels
        store = PreferenceStore(database, preference_subject(self._config, self._spec).to_metadata())
        clips = max(self._config.preferences.pool_clips, INITIAL_CLIPS_PER_QUERY * labels)
        selection = self._config.preferences.selection
        collector = PreferenceCollector(store, self._teacher, clips, self._config.seed, selection)
        try:
            while (asked := collector.queries) < labels:
                self._roll_out(collector, labels - asked)
                self._ask(collector, labels)
                if collector.queries == asked:
                    raise RewardDataError(
                        f"{labels - asked} of {labels} pairs are missing: {self._env_steps:,} env steps of "
                        f"{self._config.env.id} gave {len(collector.pool)} clips of "
                        f"{self._config.preferences.clip_steps} steps that differ; expected two or more that were not "
                        "compared yet. Lower preferences.clip_steps or preferences.labels, or set env.horizon."
                    )
        finally:
            store.close()
            self._env.close()

    def _roll_out(self, collector: PreferenceCollector, queries: int) -> None:
        clip_steps, num_envs = self._config.preferences.clip_steps, self._config.env.num_envs
        env_steps = max(INITIAL_CLIPS_PER_QUERY * queries, num_envs) * clip_steps
        for steps in rollout_env_steps(env_steps, STINT_CLIPS * clip_steps * num_envs):
            seed = derive_seed(self._config.seed, "gather", "rollout", self._rollouts)
            for clips in roll_out(self._env, self._policy, steps, clip_steps, seed):
                collector.pool.add(clips)
                self._line.show(f"{len(collector.pool):,} clips")
            self._rollouts += 1
        self._env_steps += env_steps

    def _ask(self, collector: PreferenceCollector, labels: int) -> None:
        if len(collector.pool) and self._scaling.needs_data:
            recent = ClipArrays.from_clips(collector.pool.sample(derive_rng(self._config.seed, "gather"), RECENT_CLIPS))
            self._scaling = self._scaling.fitted_to(recent.observations.reshape(-1, *recent.observations.shape[2:]))
        models = ClipModels(
            features=partial(clip_features, scaling=self._scaling, action_space=self._spec.action_space)
        )
        asked = -1
        while asked < collector.queries < labels:
            asked = collector.queries
            answered = collector.ask(min(labels, asked + QUERIES_AT_ONCE), 0, models)
            for notice in answered.notices:
                self._line.notice(f"rlhp: warning: {notice}")
            done = collector.queries
            self._line.show(f"{len(collector.pool):,} clips | {done:,}/{labels:,} labels", last=done == labels)
