"""`diagnostics.json` as arrays: the reliability of a predictor on held-out labels, and its order of clips."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rlhp_ray.errors import ArchiveError
from rlhp_ray.experiment.archive_files import read_text


@dataclass(frozen=True)
class Diagnostics:
    """The reward predictor of one run, as last watched.

    Args:
        calibration_error: expected calibration error of P' in [0, 1]; None without held-out labels.
        probability: [num_bins] mean predicted probability that left is better.
        share_left: [num_bins] share of answers that said so.
        count: [num_bins] answers in the bin, of all members.
        predicted_return: [num_clips] in reward units.
        true_return: [num_clips] of the same clips.
        rank_correlation: of the two; None where all clips tie.
    """

    calibration_error: float | None
    probability: np.ndarray
    share_left: np.ndarray
    count: np.ndarray
    predicted_return: np.ndarray
    true_return: np.ndarray
    rank_correlation: float | None


def read_diagnostics(file: Path) -> Diagnostics | None:
    """The diagnostics; None where a run has none. Raises ArchiveError where they are damaged."""
    if not file.exists():
        return None
    try:
        content = json.loads(read_text(file))
        calibration, clips = content["calibration"] or {"error": None, "bins": []}, content["clips"]
        bins = calibration["bins"]
        predicted, true = (np.array(clips[key], dtype=float) for key in ("predicted_return", "true_return"))
        if predicted.shape != true.shape:
            raise ValueError(f"{len(predicted)} predicted and {len(true)} true returns")
        probability, share, count = (
            np.array([row[key] for row in bins], dtype=float) for key in ("mean_probability", "share_left", "count")
        )
        return Diagnostics(
            _number(calibration["error"]),
            probability,
            share,
            count,
            predicted,
            true,
            _number(clips["rank_correlation"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ArchiveError(f"{file.name} is damaged ({type(error).__name__}: {error})") from error


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
