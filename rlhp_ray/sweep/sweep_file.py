"""`sweep.yaml`: what a sweep runs, written before anything starts and read again to go on with it."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import TypeAdapter, ValidationError

from rlhp_ray.config.loading import dump_config, override_config
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.config.yaml_text import parse_yaml
from rlhp_ray.errors import ArchiveError
from rlhp_ray.experiment.archive_files import archive_errors, write_durably
from rlhp_ray.sweep.axes import Axis
from rlhp_ray.sweep.plan import PlannedTrial
from rlhp_ray.sweep.search import Search

SWEEP_FILE = "sweep.yaml"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class SweepSettings:
    """How the trials are run beside each other.

    Args:
        scheduler: `none` runs each to its end; `asha` stops the worse ones early (Li et al. 2020, arXiv 1810.05934);
            `pbt` has them go on from the better ones (Jaderberg et al. 2017, arXiv 1711.09846).
        trial_cpus: processors that a trial reserves, a fraction allowed, its env runners aside.
        perturbed: what `pbt` changes on the way.
    """

    scheduler: Literal["none", "asha", "pbt"] = "none"
    trial_cpus: float = 1.0
    perturbed: tuple[Axis, ...] = ()


@dataclass(frozen=True)
class Sweep:
    """A sweep as its file tells it.

    Args:
        config: what all trials share.
        settings: how they are run.
        trials: all of them, in order; of a search, those that were proposed so far.
        search: that proposes further ones, or None.
    """

    config: RunConfig
    settings: SweepSettings
    trials: tuple[PlannedTrial, ...]
    search: Search | None = None

    @property
    def trials_in_all(self) -> int:
        """With those that a search is still to propose."""
        return len(self.trials) if self.search is None else self.search.samples * len(self.search.seeds)

    def trial_config(self, trial: PlannedTrial) -> RunConfig:
        """The whole configuration of one trial; its directory is named by the sweep."""
        return override_config(self.config, trial.overrides)

    def write(self, directory: Path) -> None:
        """Write `sweep.yaml` into the directory."""
        data = {
            "format_version": FORMAT_VERSION,
            "settings": asdict(self.settings),
            "trials": [asdict(trial) for trial in self.trials],
            "search": TypeAdapter(Search | None).dump_python(self.search, mode="json"),
            "config": yaml.safe_load(dump_config(self.config)),
        }
        path = directory / SWEEP_FILE
        with archive_errors(path):
            write_durably(path, yaml.safe_dump(data, sort_keys=False, width=120))

    @classmethod
    def read(cls, directory: Path) -> "Sweep":
        """Read `sweep.yaml` of a directory. Raises ArchiveError where it is missing, damaged or newer."""
        path = directory / SWEEP_FILE
        try:
            data: Any = parse_yaml(path.read_text(encoding="utf-8"))
            version = data["format_version"]
            if version != FORMAT_VERSION:
                raise ArchiveError(
                    f"{path} has the format version {version!r}; this rlhp reads {FORMAT_VERSION}: use the version of "
                    "rlhp_ray that wrote it."
                )
            settings = TypeAdapter(SweepSettings).validate_python(data["settings"])
            trials = TypeAdapter(tuple[PlannedTrial, ...]).validate_python(data["trials"])
            search = TypeAdapter(Search | None).validate_python(data.get("search"))
            return cls(RunConfig.model_validate(data["config"]), settings, trials, search)
        except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            raise ArchiveError(
                f"{path} is missing or damaged ({reason}); expected what `rlhp sweep` wrote. Its runs are whole: look "
                f"at them with `rlhp runs {directory}`."
            ) from error


def is_sweep(directory: Path) -> bool:
    """Whether a directory is that of a sweep."""
    return (directory / SWEEP_FILE).is_file()
