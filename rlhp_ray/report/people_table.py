"""Who labelled a run, and how good their answers are."""

from pathlib import Path

from rlhp_ray.preferences.labeller_quality import (
    COUPLE_HEAD,
    LABELLER_HEAD,
    PeopleQuality,
    agreement_text,
    couple_rows,
    labeller_rows,
)
from rlhp_ray.report.drawing import Table
from rlhp_ray.report.run_groups import EnvGroup


def people_table(group: EnvGroup) -> Table | None:
    """A row for each person of each run; None where no person answered."""
    rows = [[name, *row] for name, people in _labelled(group) for row in labeller_rows(people)]
    return Table(("run", *LABELLER_HEAD), rows) if rows else None


def couple_table(group: EnvGroup) -> Table | None:
    """A row for each two people who judged the same pairs; None where there are none."""
    rows = [[name, *row] for name, people in _labelled(group) for row in couple_rows(people)]
    return Table(("run", *COUPLE_HEAD), rows) if rows else None


def agreement_lines(group: EnvGroup) -> list[str]:
    """One sentence for each run that people labelled."""
    return [f"{name}: {agreement_text(people)}" for name, people in _labelled(group) if people.labellers]


def _labelled(group: EnvGroup) -> list[tuple[str, PeopleQuality]]:
    """What people labelled: each run, or a sweep whose runs share the answers, once."""
    found: dict[Path, tuple[str, PeopleQuality]] = {}
    for run in group.runs:
        if run.people:
            is_own = run.answers_in == run.record.archive.directory
            found.setdefault(run.answers_in, (run.name if is_own else run.answers_in.name, run.people))
    return list(found.values())
