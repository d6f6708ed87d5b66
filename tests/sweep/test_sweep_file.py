"""`sweep.yaml` is written and read back equal; anything else is refused with what to do."""

import pytest

from rlhp_ray.config.loading import load_config
from rlhp_ray.errors import ArchiveError
from rlhp_ray.sweep.plan import plan_trials, split_overrides
from rlhp_ray.sweep.sweep_file import SWEEP_FILE, Sweep, SweepSettings, is_sweep


@pytest.fixture
def sweep():
    plain, axes = split_overrides(["training.rllib.lr={loguniform: [0.0001, 0.01]}", "preferences.labels=20"])
    trials = plan_trials(axes, (0, 1), samples=2, draw_seed=0)
    return Sweep(load_config("moving_dot", plain), SweepSettings("asha", 0.5), tuple(trials))


def test_written_and_read_back_it_is_the_same(sweep, tmp_path):
    assert not is_sweep(tmp_path)
    sweep.write(tmp_path)
    assert is_sweep(tmp_path)
    assert Sweep.read(tmp_path) == sweep


def test_a_trial_gets_its_values_to_the_bit(sweep, tmp_path):
    sweep.write(tmp_path)
    again = Sweep.read(tmp_path)
    for trial, before in zip(again.trials, sweep.trials, strict=True):
        config = again.trial_config(trial)
        assert config.training.rllib["lr"] == before.setting["training.rllib.lr"]
        assert (config.seed, config.preferences.labels) == (before.seed, 20)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("format_version: 1\nsettings: {sch", "missing or damaged"),
        ("[1, 2]", "missing or damaged"),
        ("format_version: 7", "format version 7"),
        ("format_version: 1\nsettings: {scheduler: hope, trial_cpus: 1}\ntrials: []\nconfig: {}", "missing or damaged"),
    ],
)
def test_a_damaged_or_newer_file_is_refused(text, told, tmp_path):
    (tmp_path / SWEEP_FILE).write_text(text)
    with pytest.raises(ArchiveError, match=told):
        Sweep.read(tmp_path)
