"""Where the preferences of a run are: in its own directory, or in that of a sweep whose runs share them."""

from pathlib import Path

from rlhp_ray.preferences.preference_database import STORE_FILE
from rlhp_ray.preferences.queue_database import QUEUE_FILE

_CONFIG_FILE, _SWEEP_FILE = "config.yaml", "sweep.yaml"  # by which runs and sweeps are known


def preferences_directory(directory: Path) -> Path:
    """The directory that holds the database and the queue of people of a run, of a sweep, or of saved preferences.

    Args:
        directory: of the run, the sweep or the preferences. It is another one than this only for a run that has neither
            database nor queue, in a sweep that does.
    """
    around = directory.absolute().parent
    is_shared = (
        (directory / _CONFIG_FILE).is_file()
        and not _holds_preferences(directory)
        and (around / _SWEEP_FILE).is_file()
        and _holds_preferences(around)
    )
    return around if is_shared else directory


def _holds_preferences(directory: Path) -> bool:
    return (directory / STORE_FILE).is_file() or (directory / QUEUE_FILE).is_file()
