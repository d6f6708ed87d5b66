"""Who labelled a run, and how good their answers are."""

from rlhp_ray.preferences.labeller_quality import (
    COUPLE_HEAD,
    LABELLER_HEAD,
    agreement_text,
    couple_rows,
    labeller_rows,
)
from rlhp_ray.report.drawing import Table
from rlhp_ray.report.run_groups import EnvGroup


def people_table(group: EnvGroup) -> Table | None:
    """A row for each person of each run; None where no person answered."""
    rows = [[run.name, *row] for run in group.runs if run.people for row in labeller_rows(run.people)]
    return Table(("run", *LABELLER_HEAD), rows) if rows else None


def couple_table(group: EnvGroup) -> Table | None:
    """A row for each two people who judged the same pairs; None where there are none."""
    rows = [[run.name, *row] for run in group.runs if run.people for row in couple_rows(run.people)]
    return Table(("run", *COUPLE_HEAD), rows) if rows else None


def agreement_lines(group: EnvGroup) -> list[str]:
    """One sentence for each run that people labelled."""
    return [f"{run.name}: {agreement_text(run.people)}" for run in group.runs if run.people and run.people.labellers]
