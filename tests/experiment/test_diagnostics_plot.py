"""The picture of a predictor: what is drawn, and that damage is one clear error."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rlhp_ray.errors import ArchiveError
from rlhp_ray.experiment.diagnostics_plot import draw_diagnostics

BLUE, VERMILION = (0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)
BINS = [
    {"low": 0.1, "high": 0.2, "mean_probability": 0.15, "share_left": 0.25, "count": 4},
    {"low": 0.8, "high": 0.9, "mean_probability": 0.85, "share_left": 0.75, "count": 12},
]
WHOLE = {
    "env_steps": 1000,
    "reward_version": 3,
    "calibration": {"error": 0.1, "accuracy": 0.75, "bins": BINS},
    "clips": {"predicted_return": [0.0, 1.0, 2.0], "true_return": [1.0, 5.0, 4.0], "rank_correlation": 0.5},
}


def picture_of(tmp_path: Path, text: str) -> np.ndarray:
    (tmp_path / "diagnostics.json").write_text(text)
    draw_diagnostics(tmp_path / "diagnostics.json", tmp_path / "out.png", title="a run")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["diagnostics.json", "out.png"]
    return np.asarray(Image.open(tmp_path / "out.png").convert("RGB")).astype(int)


def pixels_of(picture: np.ndarray, colour: tuple[int, int, int]) -> int:
    """How many are of this colour, or lean to it where it shines through."""
    towards = np.array(colour) - 255
    share = (picture - 255) @ towards / (towards @ towards)
    off = np.abs(picture - 255 - share[..., None] * towards).sum(axis=-1)
    return int(((share > 0.4) & (off < 30)).sum())


def test_reliability_is_on_the_left_and_clips_on_the_right(tmp_path):
    picture = picture_of(tmp_path, json.dumps(WHOLE))
    assert picture.shape == (750, 1500, 3)
    left, right = picture[:, :750], picture[:, 750:]
    assert pixels_of(left, BLUE) > 500 and pixels_of(right, BLUE) < 20
    assert pixels_of(right, VERMILION) > 100 and pixels_of(left, VERMILION) < 20


@pytest.mark.parametrize("calibration", [None, {"error": None, "accuracy": None, "bins": []}])
def test_without_held_out_labels_or_clips_the_panels_are_empty(tmp_path, calibration):
    clips = {"predicted_return": [], "true_return": [], "rank_correlation": None}
    picture = picture_of(tmp_path, json.dumps(WHOLE | {"calibration": calibration, "clips": clips}))
    assert pixels_of(picture, BLUE) < 20 and pixels_of(picture, VERMILION) < 20


def test_clips_that_all_tie_are_drawn_without_a_correlation(tmp_path):
    clips = WHOLE["clips"] | {"true_return": [0.0] * 3, "rank_correlation": None}
    assert pixels_of(picture_of(tmp_path, json.dumps(WHOLE | {"clips": clips})), VERMILION) > 100


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(WHOLE)[:100],
        "",
        "[]",
        "null",
        json.dumps({"reward_version": 3}),
        json.dumps(WHOLE | {"calibration": {"bins": BINS}}),
        json.dumps(WHOLE | {"calibration": "0.1"}),
        json.dumps(WHOLE | {"clips": WHOLE["clips"] | {"true_return": [1.0]}}),
        json.dumps(WHOLE | {"clips": WHOLE["clips"] | {"true_return": ["a", "b", "c"]}}),
    ],
)
def test_a_damaged_file_is_one_clear_error(tmp_path, text):
    (tmp_path / "diagnostics.json").write_text(text)
    with pytest.raises(ArchiveError, match=r"diagnostics.json is damaged .* expected what a run writes into it"):
        draw_diagnostics(tmp_path / "diagnostics.json", tmp_path / "out.png", title="")
    assert not (tmp_path / "out.png").exists()


def test_missing_diagnostics_and_unwritable_pictures_are_reported(tmp_path):
    with pytest.raises(ArchiveError, match="Cannot read"):
        draw_diagnostics(tmp_path / "none.json", tmp_path / "a.png", title="")
    (tmp_path / "diagnostics.json").write_text(json.dumps(WHOLE))
    with pytest.raises(ArchiveError, match="Cannot write the picture of the diagnostics"):
        draw_diagnostics(tmp_path / "diagnostics.json", tmp_path / "no" / "a.png", title="")
