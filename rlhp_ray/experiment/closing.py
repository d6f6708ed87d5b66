"""What a finished run leaves for a person to look at: a table, a learning curve, diagnostics, a video."""

import sys
from typing import Any

from rlhp_ray.config.schema import RunConfig
from rlhp_ray.errors import RlhpError
from rlhp_ray.experiment.diagnostics_plot import draw_diagnostics
from rlhp_ray.experiment.learning_curve import draw_learning_curve
from rlhp_ray.experiment.run_archive import RunArchive
from rlhp_ray.policy.inference import load_policy
from rlhp_ray.replay.player import record_video
from rlhp_ray.reward.inference import load_reward

VIDEO_EPISODES = 2
VIDEO_FILE = "trained-agent.mp4"


def draw_and_film(archive: RunArchive, config: RunConfig) -> None:
    """Write the learning curve, the diagnostics of a predictor, and a video of the last policy.

    A run on the true reward has no predictor; an environment without pictures gets no video.
    """
    title = f"{config.env.id}, {config.training.algorithm}, seed {config.seed}"
    if config.reward_source == "preferences":
        title += f", {config.preferences.labels} queries"
    draw_learning_curve(archive.metrics_file, archive.learning_curve_file, title=title)
    if archive.diagnostics_file.exists():
        draw_diagnostics(archive.diagnostics_file, archive.diagnostics_picture, title=title)
    inference = archive.checkpoints_dir / "last" / "inference"
    try:
        policy = load_policy(inference)
        reward = load_reward(inference) if config.reward_source == "preferences" else None
        output = archive.videos_dir / VIDEO_FILE
        record_video(policy, reward, policy.env, output, VIDEO_EPISODES)
    except RlhpError as error:
        print(f"no video: {error}", file=sys.stderr, flush=True)


def describe_run(archive: RunArchive, config: RunConfig, summary: dict[str, Any]) -> str:
    """The closing table, ending with the files to look at."""
    rows = [
        ("status", summary["status"]),
        (f"true return ({config.evaluation.actions})", _return_text(summary)),
        ("env steps", f"{summary['env_steps']:,}"),
        ("labels", f"{summary['labels']} from {summary['queries']} queries" + _loaded_text(summary)),
        ("predictor accuracy", _number(summary["reward_validation_accuracy"], "{:.2f} on held-out labels")),
        ("predicted vs true", _number(summary["reward_true_correlation"], "{:.2f} rank correlation over clips")),
        ("speed", _number(summary["env_steps_per_second"], "{:,.0f} env steps/s")),
        ("time", f"{summary['train_seconds']:.0f} s of training, {summary['wall_seconds']:.0f} s in all"),
    ]
    if config.reward_source != "preferences":
        rows = [row for row in rows if row[0] not in ("labels", "predictor accuracy", "predicted vs true")]
    files = [
        ("learning curve", archive.learning_curve_file),
        ("diagnostics", archive.diagnostics_picture),
        ("video", archive.videos_dir / VIDEO_FILE),
        ("metrics", archive.metrics_file),
        ("TensorBoard", archive.tensorboard_dir),
        ("summary", archive.summary_file),
        ("checkpoint", archive.checkpoints_dir / "last"),
    ]
    rows += [(name, str(path)) for name, path in files if path.exists()]
    return "\n".join(["", *(f"  {name:<22}{value}" for name, value in rows), ""])


def _return_text(summary: dict[str, Any]) -> str:
    if summary["true_return_mean"] is None:
        return "not evaluated"
    mean, std, episodes = (summary[key] for key in ("true_return_mean", "true_return_std", "eval_episodes"))
    return f"{mean:.1f} +- {std:.1f} over {episodes} episodes"


def _loaded_text(summary: dict[str, Any]) -> str:
    return f", and {summary['labels_loaded']} loaded" if summary["labels_loaded"] else ""


def _number(value: float | None, form: str) -> str:
    return "-" if value is None or value != value else form.format(value)
