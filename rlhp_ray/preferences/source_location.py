"""Finding the preferences that a path means."""

from pathlib import Path

from rlhp_ray.errors import PreferenceStoreError
from rlhp_ray.preferences.database_location import preferences_directory
from rlhp_ray.preferences.export_header import HEADER_FILE
from rlhp_ray.preferences.preference_database import STORE_FILE
from rlhp_ray.preferences.preference_export import ExportSource
from rlhp_ray.preferences.preference_source import DatabaseSource, PreferenceSource


def open_source(path: Path) -> PreferenceSource:
    """The preferences that `path` means, to be closed after use.

    Args:
        path: the directory of a run, or of a sweep whose runs share them; its `preferences.sqlite` (or any other
            preference database); or an export.

    Raises:
        PreferenceStoreError: it is none of the three, is damaged, or of a newer version.
    """
    if path.is_file():
        return DatabaseSource(path)
    if (path / STORE_FILE).is_file():
        return DatabaseSource(path / STORE_FILE)
    if (path / HEADER_FILE).is_file():
        return ExportSource(path)
    shared = preferences_directory(path) / STORE_FILE
    if shared.is_file():
        return DatabaseSource(shared)
    raise PreferenceStoreError(
        f"{path} holds no preferences: it has neither {STORE_FILE} (as a run from preferences has) nor {HEADER_FILE} "
        "(as an export has). Name a run directory, a preference database or an export."
    )
