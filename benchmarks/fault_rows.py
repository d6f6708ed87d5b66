"""What one fault cost one run, as a row that a file keeps, and the table of many."""

import json
import statistics
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Times:
    """What was seen of a fault; see `Row`."""

    detected_s: float | None = None
    resumed_s: float | None = None
    env_steps_lost: int = 0


@dataclass(frozen=True)
class Row:
    """One fault in one run. Times in seconds; None where there is none."""

    fault: str
    mode: str
    seed: int
    at_env_steps: int
    detected_s: float | None
    resumed_s: float | None
    env_steps_lost: int
    labels_lost: int
    labels_doubled: int
    true_return: float | None
    undisturbed_return: float | None
    status: str

    @classmethod
    def of(
        cls,
        fault: str,
        mode: str,
        seed: int,
        at_env_steps: int,
        times: Times,
        acknowledged: list[tuple],
        labels: list[tuple],
        budget: int,
        summary: dict[str, Any],
        undisturbed_return: float | None,
    ) -> "Row":
        """From the answers on disk before the fault and at the end, the budget of them, and the run's summary.

        Lost are answers of before that are not there; doubled those whose query is there already, or beyond the budget.
        """
        numbers = [label[0] for label in labels]
        return cls(
            fault,
            mode,
            seed,
            at_env_steps,
            times.detected_s,
            times.resumed_s,
            times.env_steps_lost,
            labels_lost=len(set(acknowledged) - set(labels)),
            labels_doubled=len(numbers) - len(set(numbers)) + max(0, len(numbers) - budget),
            true_return=summary["true_return_mean"],
            undisturbed_return=undisturbed_return,
            status=summary["status"],
        )


HEAD = (
    "fault", "mode", "times", "detected after, s", "resumed after, s", "env steps lost", "labels lost",
    "labels doubled", "true return", "undisturbed", "ended",
)  # fmt: skip


class FaultRows:
    """Rows as they come.

    Args:
        file: of JSON lines that they are added to, those there among them; None keeps none.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        lines = file.read_text().splitlines() if file is not None and file.exists() else []
        self.all = [Row(**json.loads(line)) for line in lines]

    def add(self, row: Row) -> None:
        """Print it, and keep it."""
        self.all.append(row)
        line = json.dumps(asdict(row))
        print(line, flush=True)
        if self._file is not None:
            with self._file.open("a") as file:
                file.write(line + "\n")

    def table(self) -> str:
        """Markdown: medians and, in brackets, the largest."""
        lines = [f"| {' | '.join(HEAD)} |", "| --- " * len(HEAD) + "|"]
        for fault, mode in dict.fromkeys((row.fault, row.mode) for row in self.all):
            found = [row for row in self.all if (row.fault, row.mode) == (fault, mode)]
            cells = [
                fault,
                mode,
                str(len(found)),
                *(_middle([getattr(row, name) for row in found], 1) for name in ("detected_s", "resumed_s")),
                _middle([row.env_steps_lost for row in found], 0),
                str(sum(row.labels_lost for row in found)),
                str(sum(row.labels_doubled for row in found)),
                *(_mean([getattr(row, name) for row in found]) for name in ("true_return", "undisturbed_return")),
                ", ".join(sorted({row.status for row in found})),
            ]
            lines.append(f"| {' | '.join(cells)} |")
        return "\n".join(lines)


def _middle(values: list[float | None] | list[int], digits: int) -> str:
    known = [value for value in values if value is not None]
    return f"{statistics.median(known):,.{digits}f} ({max(known):,.{digits}f})" if known else "-"


def _mean(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{statistics.mean(known):.1f}" if known else "-"
