"""A search, round after round: what the trials came to, and the next ones."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rlhp_ray.config.validation import validate_run
from rlhp_ray.errors import ConfigError
from rlhp_ray.sweep.plan import PlannedTrial, trials_of
from rlhp_ray.sweep.results import TrialResult
from rlhp_ray.sweep.search import setting_value
from rlhp_ray.sweep.sweep_file import Sweep


def grown_sweep(sweep: Sweep, results: Sequence[TrialResult]) -> Sweep:
    """The sweep with the trials that its search proposes next; the same where nothing is searched, or all is proposed.

    Args:
        sweep: so far.
        results: of all its trials.

    Raises:
        ConfigError: the space that is searched holds next to no valid configuration.
    """
    search = sweep.search
    if search is None:
        return sweep
    returns: dict[int, list[float | None]] = {}
    settings: list[dict[str, Any]] = []
    for result in results:
        if result.setting not in settings:
            settings.append(result.setting)
        returns.setdefault(settings.index(result.setting), []).append(result.true_return)
    told = [(setting, setting_value(returns[index])) for index, setting in enumerate(settings)]

    def is_valid(setting: dict[str, Any]) -> bool:
        try:
            config = sweep.trial_config(PlannedTrial("proposed", setting, search.seeds[0]))
            validate_run(config.model_copy(update={"name": None}))  # the name is the sweep's, whose directory exists
        except ConfigError:
            return False
        return True

    proposed = search.propose(told, is_valid)
    more = trials_of(proposed, search.seeds, first=len(settings), settings_in_all=search.samples)
    return replace(sweep, trials=(*sweep.trials, *more))
