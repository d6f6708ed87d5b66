"""Which conditions held in which run, and when, from what it recorded about its health."""

from dataclasses import dataclass

from rlhp_ray import metric_keys as keys
from rlhp_ray.health.condition import condition_name
from rlhp_ray.report.drawing import Table
from rlhp_ray.report.report_run import ReportRun
from rlhp_ray.report.run_groups import EnvGroup

MAX_SPELLS = 5  # of one condition in one run that are written out


@dataclass(frozen=True)
class Spell:
    """A stretch over which a condition held.

    Args:
        first: env steps at which it began.
        last: env steps at which it ended; None where it held at the end.
    """

    first: float
    last: float | None

    @property
    def text(self) -> str:
        """`12,000 to 20,000`."""
        return f"{self.first:,.0f} to {'the end' if self.last is None else f'{self.last:,.0f}'}"


def health_table(group: EnvGroup) -> Table | None:
    """A row for each run and condition that ever held; None where no run recorded its health."""
    if not any(is_recorded(run) for run in group.runs):
        return None
    rows = [
        [run.name, setting.letter, condition_name(key), _spells_text(spells)]
        for setting in group.settings
        for run in setting.runs
        for key, spells in run_spells(run).items()
    ]
    return Table(("run", "setting", "condition", "held, in env steps"), rows)


def is_recorded(run: ReportRun) -> bool:
    """Whether a run recorded its health: those of before did not."""
    return any(keys.UNHEALTHY in values for _, values in run.rows)


def run_spells(run: ReportRun) -> dict[str, list[Spell]]:
    """By the key of each condition that ever held, when it did."""
    columns = dict.fromkeys(key for _, row in run.rows for key in row if key.startswith(f"{keys.UNHEALTHY}_"))
    found = {key: _spells(run, key) for key in columns}
    return {key: spells for key, spells in found.items() if spells}


def _spells(run: ReportRun, key: str) -> list[Spell]:
    spells, first = [], None
    for steps, value in zip(*run.series(key), strict=True):
        if value and first is None:
            first = float(steps)
        elif not value and first is not None:
            spells.append(Spell(first, float(steps)))
            first = None
    return spells if first is None else [*spells, Spell(first, None)]


def _spells_text(spells: list[Spell]) -> str:
    told = "; ".join(spell.text for spell in spells[-MAX_SPELLS:])
    return f"{len(spells) - MAX_SPELLS} times before, {told}" if len(spells) > MAX_SPELLS else told
