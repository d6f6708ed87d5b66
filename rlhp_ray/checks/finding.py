"""What a check has to say."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """Whether something is likely to fail, or is merely worth knowing."""

    FINDING = "finding"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """One thing to be told.

    Args:
        what: was seen, with its figures.
        why: it matters.
        change: what to do about it; a command to copy may stand on a second line.
        severity: a finding is likely to make the run fail or to spoil its result; a note is not.
    """

    what: str
    why: str
    change: str
    severity: Severity = Severity.FINDING


def of_severity(findings: Iterable[Finding], severity: Severity) -> Iterator[Finding]:
    """Those of this severity, in their order."""
    return (finding for finding in findings if finding.severity is severity)
