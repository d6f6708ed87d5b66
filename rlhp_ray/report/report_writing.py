"""Writes the report: `report.html`, and its figures beside it in `report/`."""

import io
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rlhp_ray.errors import ConfigError
from rlhp_ray.experiment.archive_files import archive_errors, write_durably
from rlhp_ray.report.env_section import Picture
from rlhp_ray.report.figures import draw_all
from rlhp_ray.report.report_page import MARK, PageContent, page
from rlhp_ray.report.run_collection import Collected, RunCollection
from rlhp_ray.report.run_groups import EnvGroup, group_runs
from rlhp_ray.report.videos import place_videos
from rlhp_ray.runs.run_table import tally

PAGE_FILE = "report.html"
PICTURE_FOLDER = "report"


@dataclass
class ReportWriter:
    """Writes the report about a collection into a directory, and draws again only what changed.

    Args:
        collection: of the runs.
        folder: of the page; it exists.
        title: of the page.
        threshold: true return that counts as success; None where none is known.
    """

    collection: RunCollection
    folder: Path
    title: str
    threshold: float | None = None
    _drawn: dict[str, tuple[object, list[Picture]]] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        return self.folder / PAGE_FILE

    def write(self, refresh_seconds: int | None = None) -> Collected:
        """Write what is there now; with `refresh_seconds`, as a page that loads itself again while runs go on.

        Raises:
            ConfigError: a page stands there that is no report, or there is a threshold for several environments.
            ArchiveError: there is no run, or the page cannot be written.
        """
        self._check_place()
        found = self.collection.collect()
        groups = group_runs(found.runs)
        self._check_threshold(groups)
        pictures = {group.env: self._pictures(group, found) for group in groups}
        shown = [run for group in groups for run in group.runs]
        videos = place_videos(shown, self.folder)
        content = PageContent(self.title, tally(found.records), groups, pictures, videos, found.damaged, self.threshold)
        text = page(content, datetime.now(UTC), refresh_seconds if found.is_running else None)
        with archive_errors(self.file):
            write_durably(self.file, text)
        return found

    def _pictures(self, group: EnvGroup, found: Collected) -> list[Picture]:
        stamp = [(run.name, found.stamps[run.record.archive.directory]) for run in group.runs]
        known = self._drawn.get(group.env)
        if known is not None and known[0] == stamp:
            return known[1]
        pictures = [(drawing, _as_png(drawing.figure)) for drawing in draw_all(group)]
        folder = self.folder / PICTURE_FOLDER
        with archive_errors(folder):
            folder.mkdir(exist_ok=True)
            for drawing, png in pictures:
                _replace(folder / f"{_plain(group.env)}-{drawing.name}.png", png)
        self._drawn[group.env] = stamp, pictures
        return pictures

    def _check_threshold(self, groups: Sequence[EnvGroup]) -> None:
        if self.threshold is not None and len(groups) > 1:
            raise ConfigError(
                f"--threshold: a true return belongs to one environment, and the runs are of {len(groups)}: "
                f"{', '.join(group.env for group in groups)}; report each environment by itself"
            )

    def _check_place(self) -> None:
        file = self.file
        with archive_errors(file):
            if os.path.lexists(file) and (not file.is_file() or MARK.encode() not in file.read_bytes()[:1000]):
                raise ConfigError(
                    f"{file} exists and is no report; it is left alone. Choose another place: --output DIR"
                )


def report_folder(paths: Sequence[Path], output: Path | None) -> Path:
    """Where the page goes: into the run or sweep that it is about, or into the directory around several.

    Raises:
        ConfigError: they have no directory in common, or `output` cannot be one.
        ArchiveError: it cannot be made.
    """
    if output is not None:
        if os.path.lexists(output) and not output.is_dir():
            raise ConfigError(f"--output: {str(output)!r} is a file; expected a directory; choose another name")
        with archive_errors(output):
            output.mkdir(parents=True, exist_ok=True)
        return output.resolve()
    resolved = list(dict.fromkeys(path.resolve() for path in paths))
    if len(resolved) == 1:
        return resolved[0]
    parents = {path.parent for path in resolved}
    if len(parents) > 1:
        raise ConfigError("the runs lie in different directories; expected one place for the report; add --output DIR")
    return parents.pop()


def _plain(env: str) -> str:
    return re.sub(r"[^\w.+-]+", "-", env).strip("-.") or "env"


def _as_png(figure: object) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")  # type: ignore[attr-defined]  # a matplotlib figure, not imported before it is drawn
    return buffer.getvalue()


def _replace(file: Path, content: bytes) -> None:
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, file)
    finally:
        temporary.unlink(missing_ok=True)
