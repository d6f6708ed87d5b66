"""The newest snapshot, whole, in JSON that any reader takes."""

import json
import math

import pytest

from rlhp_ray import metric_keys as keys
from rlhp_ray.errors import ArchiveError
from rlhp_ray.experiment.diagnostics_file import DiagnosticsFile


def result(snapshot: dict | None, env_steps: int = 100) -> dict:
    return {keys.METRICS: {keys.ENV_STEPS: env_steps}, keys.DIAGNOSTICS: snapshot}


def test_the_newest_snapshot_is_kept_with_its_env_steps(tmp_path):
    path = tmp_path / "diagnostics.json"
    file = DiagnosticsFile(path)
    file.on_trial_result(1, [], None, result(None))
    assert not path.exists()
    for step, snapshot in ((100, {"reward_version": 1}), (200, {"reward_version": 2}), (300, None)):
        file.on_trial_result(1, [], None, result(snapshot, step))
    assert json.loads(path.read_text()) == {keys.ENV_STEPS: 200, "reward_version": 2}
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_not_finite_is_null(tmp_path):
    path = tmp_path / "diagnostics.json"
    DiagnosticsFile(path).on_trial_result(1, [], None, result({"a": {"b": [math.nan, math.inf, 1.0]}}))

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    assert json.loads(path.read_text(), parse_constant=refuse)["a"] == {"b": [None, None, 1.0]}


def test_a_place_that_cannot_be_written_is_one_clear_error(tmp_path):
    file = DiagnosticsFile(tmp_path / "none" / "diagnostics.json")
    with pytest.raises(ArchiveError, match="Cannot write the run archive"):
        file.on_trial_result(1, [], None, result({"reward_version": 1}))
