"""Checks across keys, and against the environment, before anything heavy is imported or anything is written."""

import importlib.util
import os.path
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rlhp_ray.config.error_text import join_lines
from rlhp_ray.config.memory_checks import memory_problems
from rlhp_ray.config.reward_checks import fitting_problems, network_problems
from rlhp_ray.config.schedule_checks import schedule_problems
from rlhp_ray.config.schema import PEOPLE, RunConfig
from rlhp_ray.config.teacher_checks import teacher_problems
from rlhp_ray.errors import ConfigError

if TYPE_CHECKING:
    from rlhp_ray.envs.registry import EnvDescription

_MIN_CLIPS = 2  # one query compares two
COMPARES_MEMBERS = ("disagreement", "return_variance", "k_centre_disagreement", "mutual_information")


def validate_run(config: RunConfig, *, new_run: bool = True) -> "EnvDescription":
    """Checks what the schema alone cannot, and describes the environment.

    Args:
        config: A configuration that the schema has accepted.
        new_run: Whether the run's directory is yet to be made, and so must not exist; False to resume.

    Raises:
        EnvironmentNotSupportedError: The environment is unknown or has spaces that cannot be used.
        ConfigError: With one line for every contradiction.
    """
    from gymnasium.spaces import Discrete  # gymnasium takes a third of a second

    from rlhp_ray.envs.image_space import is_image_space
    from rlhp_ray.envs.registry import describe_env

    description = describe_env(config.env.id, frame_skip=config.env.frame_skip)
    lines = [
        *_horizon_problems(config, description.episode_steps),
        *_score_problems(config, description.has_score_mask),
        *memory_problems(
            config,
            game_bytes=description.game_bytes,
            observation_bytes=description.observation_bytes,
            frame_stack=description.frame_stack,
        ),
        *_checkpoint_problems(config),
        *_preference_problems(config),
        *schedule_problems(config.preferences, config.training.env_steps),
        *teacher_problems(config.teacher),
        *_people_problems(config, description.frame_stack is not None),
        *_scope_problems(config),
        *_load_problems(config, new_run=new_run),
        *network_problems(
            config.reward,
            config.env.id,
            is_image=is_image_space(description.observation_space),
            is_discrete=isinstance(description.action_space, Discrete),
        ),
        *fitting_problems(config.reward, config.preferences.labels),
        *_tracking_problems(config),
        *(_directory_problems(config) if new_run else ()),
    ]
    if lines:
        raise ConfigError(join_lines("configuration", lines))
    return description


def validate_gathering(config: RunConfig) -> "EnvDescription":
    """As `validate_run`, for `rlhp preferences gather`."""
    lines = []
    if config.preferences.labels == 0:
        lines.append("preferences.labels: got 0, nothing to gather; expected at least 1; raise it")
    if config.teacher.preset == PEOPLE:
        lines.append(
            "teacher.preset: got people, who are asked about clips that exist; expected a simulated teacher; gather "
            "with one of them, then `rlhp label DIR` on what was written"
        )
    for section in ("preferences", "reward"):
        if getattr(config, section).load is not None:
            lines.append(
                f"{section}.load: got {getattr(config, section).load!r}; expected null, since what is gathered is new "
                "and comes from a policy alone; leave it out"
            )
    if lines:
        raise ConfigError(join_lines("configuration", lines))
    return validate_run(config)


def validate_fitting(config: RunConfig) -> "EnvDescription":
    """As `validate_run`, for `rlhp reward fit`."""
    lines = []
    if config.preferences.load is None:
        lines.append(
            "preferences.load: got null, nothing to fit to; expected the directory of a run, a preference database or "
            "an export; set preferences.load=PATH"
        )
    for section in ("reward", "policy"):
        if getattr(config, section).load is not None:
            lines.append(
                f"{section}.load: got {getattr(config, section).load!r}; expected null, since a reward is fitted "
                "afresh, to preferences alone; leave it out"
            )
    if lines:
        raise ConfigError(join_lines("configuration", lines))
    return validate_run(config)


def _horizon_problems(config: RunConfig, own_steps: int | None) -> Iterator[str]:
    horizon = config.env.horizon
    if horizon == "auto" and own_steps is None:
        yield (
            f"env.horizon: got auto, but {config.env.id} has no episode length of its own; set env.horizon to a number "
            "of env steps, for example env.horizon=500, or to null to leave episode ends visible"
        )
    episode_steps = horizon if isinstance(horizon, int) else own_steps
    clip_steps = config.preferences.clip_steps
    if episode_steps is not None and clip_steps > episode_steps:
        cure = "lower it" if horizon in ("auto", None) else "lower it or raise env.horizon"
        yield (
            f"preferences.clip_steps: got {clip_steps}, longer than an episode of {config.env.id}; expected at most "
            f"{episode_steps} env steps; {cure}"
        )


def require_own_preferences(config: RunConfig) -> None:
    """Raise ConfigError for a single run that is to share its preferences."""
    if config.shares_preferences:
        raise ConfigError(
            "scope: got sweep for a single run, which has nobody to share its answers with; expected trial; leave it "
            "out, or start several runs with rlhp sweep CONFIG scope=sweep --seeds 0-2"
        )


def _scope_problems(config: RunConfig) -> Iterator[str]:
    if config.shares_preferences and config.mode == "sync":
        yield (
            "scope: got sweep with mode sync, but runs that share answers depend on each other's pace, which cannot be "
            "repeated; expected async; set mode=async, or scope=trial"
        )


def _checkpoint_problems(config: RunConfig) -> Iterator[str]:
    minutes = config.training.checkpoint_interval_minutes
    if config.mode == "sync" and minutes is not None:
        yield (
            f"training.checkpoint_interval_minutes: got {minutes:g} with mode sync, where a checkpoint is a barrier "
            "that changes what is learnt, and so would the machine's speed; expected null; set "
            "training.checkpoint_interval_env_steps, or mode=async"
        )


def _people_problems(config: RunConfig, shows_pictures: bool) -> Iterator[str]:
    if config.teacher.preset != PEOPLE or config.reward_source == "true_reward":
        return
    if config.mode == "sync":
        yield (
            "mode: got sync with teacher.preset people, whose answers come when they come; expected async; leave mode "
            "out"
        )
    from rlhp_ray.envs.observed_state import can_draw

    if not (shows_pictures or can_draw(config.env.id)):
        yield (
            f"teacher.preset: got people with env.id {config.env.id}, whose clips cannot be drawn; expected an Atari "
            "game, MovingDot, one of Gymnasium's classic control, or stacked grey frames; choose one, or a simulated "
            "teacher"
        )


def _score_problems(config: RunConfig, has_score_mask: bool | None) -> Iterator[str]:
    if config.env.score_mask != "required" or has_score_mask:
        return
    from rlhp_ray.envs.score_mask import SCORE_PARTS

    what = f"{config.env.id} is no Atari game" if has_score_mask is None else f"no mask of {config.env.id} is known"
    yield (
        f"env.score_mask: got required, but {what}; expected one of the games {', '.join(sorted(SCORE_PARTS))}; set "
        "env.score_mask=auto, or choose another env.id"
    )


def _preference_problems(config: RunConfig) -> Iterator[str]:
    preferences = config.preferences
    if preferences.selection in COMPARES_MEMBERS and config.reward.members == 1:
        yield (
            f"preferences.selection: got {preferences.selection} with reward.members 1, but it compares the members of "
            "the ensemble; expected at least 2 members; raise reward.members or set preferences.selection=uniform"
        )
    if config.reward_source != "preferences":
        return
    if preferences.labels == 0:
        if config.reward.load is None and preferences.load is None:
            yield (
                "preferences.labels: got 0 and no reward.load, so there is no reward to train on; expected labels >= 1 "
                "or a learnt reward; raise preferences.labels, or set reward.load=DIR or preferences.load=PATH"
            )
        return
    num_envs = config.env.num_envs * max(1, config.env.num_env_runners)
    clips = config.training.env_steps // num_envs // preferences.clip_steps * num_envs
    if clips < _MIN_CLIPS:
        least = preferences.clip_steps * max(num_envs, _MIN_CLIPS)
        yield (
            f"training.env_steps: got {config.training.env_steps}, too few to fill {_MIN_CLIPS} clips of "
            f"{preferences.clip_steps} env steps in {num_envs} environments, so no query can be asked; expected at "
            f"least {least}; raise training.env_steps, or lower env.num_envs or preferences.clip_steps"
        )


def _load_problems(config: RunConfig, *, new_run: bool) -> Iterator[str]:
    for section, what in (("reward", "reward"), ("policy", "policy")):
        load = getattr(config, section).load
        if load is not None and not Path(load).is_dir():
            got = "a file" if os.path.lexists(load) else "a path that does not exist"
            yield (
                f"{section}.load: got {load!r}, {got}; expected a directory with a learnt {what} that an rlhp command "
                "wrote"
            )
    load = config.preferences.load
    if new_run and load is not None and not Path(load).exists():  # a run that goes on has them in its own store
        yield (
            f"preferences.load: got {load!r}, a path that does not exist; expected the directory of a run, a "
            "preference database or an export"
        )
    gold = config.labelling.gold
    if new_run and gold is not None and not Path(gold).exists():
        yield (
            f"labelling.gold: got {gold!r}, a path that does not exist; expected the directory of a run, a preference "
            "database or an export"
        )


def _tracking_problems(config: RunConfig) -> Iterator[str]:
    for program in config.tracking:
        if importlib.util.find_spec(program) is None:
            yield (
                f"tracking: got {program}, which is not installed; expected it; run: pip install 'rlhp_ray[{program}]'"
            )


def _directory_problems(config: RunConfig) -> Iterator[str]:
    output_dir = Path(config.output_dir)
    if os.path.lexists(output_dir) and not output_dir.is_dir():
        yield f"output_dir: got {config.output_dir!r}, a file; expected a directory; choose another"
    elif config.name is not None and os.path.lexists(output_dir / config.name):
        yield (
            f"name: got {config.name!r}, but {output_dir / config.name} exists and nothing is overwritten; expected a "
            f"new name; choose another, or continue that run with: rlhp resume {output_dir / config.name}"
        )
