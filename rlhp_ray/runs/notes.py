"""Notes on a run: what somebody thought of it, and when. `notes.md` is only ever added to."""

from datetime import UTC, datetime

from rlhp_ray.errors import ConfigError
from rlhp_ray.experiment.archive_files import archive_errors
from rlhp_ray.experiment.run_archive import RunArchive

_INDENT = " " * len("2026-01-31T12:00:00Z  ")


def add_note(archive: RunArchive, text: str) -> None:
    """Appends a note with the UTC time.

    Raises:
        ConfigError: there is nothing in it.
        ArchiveError: it cannot be written.
    """
    lines = text.strip().splitlines()
    if not lines:
        raise ConfigError("the note is empty; expected some text: rlhp runs note RUN 'the seed that got stuck'")
    entry = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}  " + f"\n{_INDENT}".join(lines) + "\n"
    with archive_errors(archive.notes_file), archive.notes_file.open("ab") as file:
        file.write(entry.encode(errors="backslashreplace"))


def read_notes(archive: RunArchive) -> list[str]:
    """The lines of all notes; none where there are none, or where they cannot be read."""
    try:
        return archive.notes_file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
