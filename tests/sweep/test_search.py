"""Settings that are proposed from what earlier ones came to."""

import math
from dataclasses import replace

import pytest

from rlhp_ray.config.loading import load_config
from rlhp_ray.errors import ConfigError
from rlhp_ray.sweep.axes import Axis
from rlhp_ray.sweep.growth import grown_sweep
from rlhp_ray.sweep.results import TrialResult, describe_sweep
from rlhp_ray.sweep.search import Search, num_settings, setting_value
from rlhp_ray.sweep.sweep_file import Sweep, SweepSettings

LR = Axis("training.rllib.lr", "loguniform", (1e-5, 1e-1))
BATCH = Axis("training.rllib.minibatch_size", "randint", (50, 60))
SCHEDULE = Axis("preferences.schedule", "choice", ("constant", "hyperbolic"))
ENTROPY = Axis("training.rllib.entropy_coeff", "choice", (0.001, [[0, 0.1], [100, 0.0]]))


def anything(setting):
    return True


def searched(search, value, is_valid=anything):
    """All settings of a search and what they came to."""
    told = []
    while proposed := search.propose(told, is_valid):
        told += [(setting, value(setting)) for setting in proposed]
    return told


def near_a_thousandth(setting):
    return -abs(math.log10(setting["training.rllib.lr"]) + 3)


def test_it_goes_where_it_was_best():
    told = searched(Search((LR, SCHEDULE), 40, (0,), 1, 0), near_a_thousandth)
    assert len(told) == 40
    first, last = ([-value for _, value in told[part]] for part in (slice(10), slice(-10, None)))
    assert sum(last) < 0.5 * sum(first), "the last ten settings are no nearer than the ten random ones"


def test_every_axis_keeps_its_kind_and_range():
    for setting, _ in searched(Search((LR, BATCH, SCHEDULE), 25, (0,), 2, 1), near_a_thousandth):
        assert 1e-5 <= setting["training.rllib.lr"] <= 1e-1
        assert type(setting["training.rllib.minibatch_size"]) is int
        assert 50 <= setting["training.rllib.minibatch_size"] <= 59
        assert setting["preferences.schedule"] in SCHEDULE.values


def test_it_goes_on_as_it_would_have():
    search = Search((LR, ENTROPY), 16, (0,), 2, 3)
    told = [({**setting}, 1.0 if index % 3 else None) for index, (setting, _) in enumerate(searched(search, len))]
    for count in (0, 4, 12):
        assert search.propose(told[:count], anything) == search.propose(told[:count], anything)
    assert len(search.propose(told[:15], anything)) == 1
    assert search.propose(told, anything) == []


def test_no_setting_is_run_twice_and_none_that_cannot_be_run():
    axes = (BATCH, SCHEDULE)
    assert num_settings(axes) == 20 and num_settings((LR,)) == math.inf
    settings = [setting for setting, _ in searched(Search(axes, 20, (0,), 1, 0), len)]
    assert all(setting not in settings[:index] for index, setting in enumerate(settings)) and len(settings) == 20
    odd = [s for s, _ in searched(Search((BATCH,), 5, (0,), 1, 0), len, lambda s: s[BATCH.key] % 2 == 1)]
    assert sorted(setting[BATCH.key] for setting in odd) == [51, 53, 55, 57, 59]
    with pytest.raises(ConfigError, match="none is new and a valid configuration"):
        Search((BATCH,), 6, (0,), 1, 0).propose([(setting, 0.0) for setting in odd], lambda s: s[BATCH.key] % 2 == 1)


def test_a_setting_is_worth_the_mean_of_the_seeds_that_ended():
    assert setting_value([1.0, None, 4.0]) == 2.5
    assert setting_value([None]) is None


@pytest.fixture
def sweep():
    search = Search((LR,), 3, (0, 1), 1, 0)
    return grown_sweep(Sweep(load_config("moving_dot", []), SweepSettings(), (), search), [])


def results(sweep, returns):
    return [
        TrialResult(trial.name, trial.setting, trial.seed, {"status": "done", "true_return_mean": value})
        for trial, value in zip(sweep.trials, returns, strict=True)
    ]


def test_a_sweep_grows_by_whole_settings_to_its_end(sweep):
    assert [trial.name for trial in sweep.trials] == ["s0-seed0", "s0-seed1"] and sweep.trials_in_all == 6
    second = grown_sweep(sweep, results(sweep, [1, 2]))
    third = grown_sweep(second, results(second, [1, 2, 5, 6]))
    assert [trial.name for trial in third.trials[4:]] == ["s2-seed0", "s2-seed1"]
    assert third.trials[:4] == second.trials and len({t.setting[LR.key] for t in third.trials}) == 3
    assert grown_sweep(third, results(third, range(6))) == third


def test_a_sweep_that_has_a_name_grows_in_its_directory(sweep, tmp_path):
    (tmp_path / "mine").mkdir()
    named = sweep.config.model_copy(update={"name": "mine", "output_dir": str(tmp_path)})
    assert len(grown_sweep(replace(sweep, config=named), results(sweep, [1, 2])).trials) == 4


def test_a_sweep_without_a_search_stays(sweep):
    plain = Sweep(sweep.config, sweep.settings, sweep.trials)
    assert grown_sweep(plain, results(plain, [1, 2])) is plain and plain.trials_in_all == 2


def test_its_file_holds_the_search(sweep, tmp_path):
    grown = Sweep(sweep.config, sweep.settings, sweep.trials, Search((LR, ENTROPY, BATCH), 9, (0, 1), 2, 5))
    grown.write(tmp_path)
    assert Sweep.read(tmp_path) == grown


def test_the_best_setting_is_told(sweep, tmp_path):
    second = grown_sweep(sweep, results(sweep, [1, 2]))
    text = describe_sweep(tmp_path, results(second, [1, 2, 5, 6]), None, 6)
    assert f"  best mean     5.5 over 2 runs: lr={second.trials[2].setting[LR.key]:.4g}\n" in text
