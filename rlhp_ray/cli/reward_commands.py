"""`rlhp reward ...`: a reward fitted to saved preferences, and clips scored by a saved one."""

import argparse
import contextlib
import csv
import sys
from pathlib import Path

from rlhp_ray.cli.commands import existing


def reward(arguments: argparse.Namespace, command: str) -> int:
    """`rlhp reward fit|score`."""
    if arguments.reward_command == "fit":
        _fit(arguments, command)
    else:
        _score(arguments)
    return 0


def _fit(arguments: argparse.Namespace, command: str) -> None:
    from rlhp_ray.config.loading import load_config
    from rlhp_ray.config.validation import validate_fitting

    config = load_config(arguments.config, arguments.overrides)
    description = validate_fitting(config)

    from rlhp_ray.experiment.reward_fitting import fit_reward

    name = Path(arguments.config).stem
    directory = fit_reward(config, description, config_name=name, command=command, show=_say)
    with contextlib.suppress(BrokenPipeError):  # it is written, whether or not anyone reads on
        print(directory, flush=True)


def _score(arguments: argparse.Namespace) -> None:
    clips = existing(arguments.clips, "a run, or a preference database or export")
    directory = existing(arguments.reward, "a learnt reward or a run")

    from rlhp_ray.preferences.source_location import open_source
    from rlhp_ray.reward.clip_scores import ClipScore, agreement, score_clips
    from rlhp_ray.reward.inference import load_reward

    learnt = load_reward(directory)
    with open_source(clips) as source:
        table = csv.writer(sys.stdout, lineterminator="\n")
        members = [f"member_{number}_return" for number in range(1, learnt.ensemble.members + 1)]
        scores: dict[str, ClipScore] = {}
        for score in score_clips(source, learnt):
            if not scores:
                table.writerow(["clip_id", "predicted_return", *members, "true_return"])
            scores[score.clip_id] = score
            numbers = (score.predicted_return, *score.member_returns, score.true_return)
            table.writerow([score.clip_id, *(f"{number:.6g}" for number in numbers)])
        sys.stdout.flush()
        found = agreement(scores, source)
    answers = f"{found.pair_accuracy:.1%} of {found.decided:,} decided answers" if found.decided else "no answer"
    _say(
        f"{len(scores):,} clips, rank correlation of predicted and true return {found.rank_correlation:.2f}, "
        f"{answers} predicted right"
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
