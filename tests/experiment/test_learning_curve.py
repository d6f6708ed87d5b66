"""The learning curve: what becomes a point, and that damage does not stop the picture."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rlhp_ray.errors import ArchiveError
from rlhp_ray.experiment.learning_curve import draw_learning_curve
from rlhp_ray.experiment.metrics_series import metric_series, read_metric_rows

HEADER = "env_steps,true_return_mean,evaluation_true_return_mean,labels,reward_validation_accuracy\n"


def picture_of(tmp_path: Path, text: str, reference_return: float | None = None) -> np.ndarray:
    (tmp_path / "metrics.csv").write_text(text)
    output = tmp_path / "curve.png"
    draw_learning_curve(tmp_path / "metrics.csv", output, title="a run", reference_return=reference_return)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["curve.png", "metrics.csv"]
    return np.asarray(Image.open(output).convert("RGB")).astype(int)


def has_colour(picture: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return bool((np.abs(picture - colour).sum(axis=-1) < 6).sum() > 20)


BLUE, VERMILION, GREEN = (0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00), (0x00, 0x9E, 0x73)


def test_every_series_is_drawn_in_its_own_panel(tmp_path: Path) -> None:
    text = HEADER + "1000,1,,10,\n2000,5,4,20,0.7\n3000,9,8,30,0.9\n"
    picture = picture_of(tmp_path, text, reference_return=10.0)
    assert picture.shape == (1125, 1200, 3)
    assert has_colour(picture[:620], BLUE) and has_colour(picture[:620], VERMILION)
    assert has_colour(picture[640:860], GREEN) and has_colour(picture[860:], BLUE)


def test_what_was_not_recorded_has_no_panel_and_the_rest_takes_its_room(tmp_path: Path) -> None:
    picture = picture_of(tmp_path, "env_steps,true_return_mean\n1000,1\n2000,2\n")
    assert has_colour(picture[:400], BLUE) and has_colour(picture[860:], BLUE)
    assert not has_colour(picture, VERMILION) and not has_colour(picture, GREEN)


@pytest.mark.parametrize("text", ["", HEADER, HEADER + ",,,,\n", HEADER + "1000,nan,inf,,\n", "a\0b\n\n1,2,3\n"])
def test_nothing_to_draw_still_gives_a_picture(tmp_path: Path, text: str) -> None:
    assert picture_of(tmp_path, text).shape == (1125, 1200, 3)


def test_a_resumed_run_replaces_what_was_lost_and_cut_off_rows_are_skipped(tmp_path: Path) -> None:
    text = "env_steps,true_return_mean\n1000,1\n2000,2\n3000,99\n2000,2\n2500,3\n,7\n25\n35"
    (tmp_path / "metrics.csv").write_text(text)
    steps, values = metric_series(read_metric_rows(tmp_path / "metrics.csv"), "true_return_mean")
    np.testing.assert_array_equal(steps, [1000, 2000, 2500])
    np.testing.assert_array_equal(values, [1, 2, 3])


def test_missing_metrics_and_unwritable_pictures_are_reported(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="Cannot read the metrics"):
        draw_learning_curve(tmp_path / "none.csv", tmp_path / "a.png", title="")
    (tmp_path / "metrics.csv").write_text(HEADER)
    with pytest.raises(ArchiveError, match="Cannot write the learning curve"):
        draw_learning_curve(tmp_path / "metrics.csv", tmp_path / "no" / "a.png", title="")
