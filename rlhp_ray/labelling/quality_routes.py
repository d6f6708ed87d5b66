"""How good people's answers are, as a page for whoever runs the experiment."""

import html
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path

from fastapi import APIRouter, HTTPException
from fastapi.responses import HTMLResponse

from rlhp_ray.labelling.admission import Admission
from rlhp_ray.labelling.page_routes import page_of
from rlhp_ray.preferences.judgements import read_judgements
from rlhp_ray.preferences.labeller_quality import (
    COUPLE_HEAD,
    LABELLER_HEAD,
    agreement_text,
    couple_rows,
    labeller_rows,
    people_quality,
)


class QualityRoutes:
    """`/quality`, on loopback alone: beyond it, people would read how they and others are judged.

    Args:
        queue_file: of the run.
        admission: who may label.
    """

    def __init__(self, queue_file: Path, admission: Admission) -> None:
        self._queue_file, self._admission = queue_file, admission
        self.router = APIRouter()
        self.router.add_api_route("/quality", self.quality, methods=["GET"], response_class=HTMLResponse)

    def quality(self) -> HTMLResponse:
        """A row for each person, and how far they agree."""
        if self._admission.needs_invitation:
            raise HTTPException(
                HTTPStatus.FORBIDDEN, "not for people who label; on the machine itself, `rlhp report RUN` shows it"
            )
        found = people_quality(read_judgements(self._queue_file))
        couples = _table(COUPLE_HEAD, couple_rows(found)) if found.couples else ""
        return page_of(
            "quality.html",
            {"labellers": _table(LABELLER_HEAD, labeller_rows(found)), "couples": couples},
            agreement=agreement_text(found),
        )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return "<p>Nobody has answered yet.</p>"
    names = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in head)
    body = "".join(
        f'<tr><th scope="row">{html.escape(row[0])}</th>'
        + "".join(f"<td>{html.escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{names}</tr></thead><tbody>{body}</tbody></table></div>'
