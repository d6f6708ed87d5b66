"""The directory of one piece of a run, gathered preferences or a fitted reward: filed like a run, but none.

```
PIECE/  settings.yaml  command.txt  question.md  versions.txt  hardware.json  code/{commit.txt,diff.patch}
        preferences.sqlite                      (rlhp preferences gather)
        reward.json  reward.safetensors  epochs.csv   (rlhp reward fit)
```
"""

from dataclasses import dataclass
from pathlib import Path

from rlhp_ray.config.loading import dump_config
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.experiment.run_archive import RunArchive


@dataclass(frozen=True)
class PieceArchive(RunArchive):
    """One such directory. Its configuration is not called config.yaml: it is nothing that could be resumed."""

    @classmethod
    def of(cls, config: RunConfig, default_stem: str, command: str) -> "PieceArchive":
        """Make the directory and file what is known before.

        Raises:
            ConfigError: the name is taken or no plain directory name.
            ArchiveError: too little disk space, or it cannot be written.
        """
        return cls.create(
            Path(config.output_dir),
            config.name,
            default_stem,
            dump_config(config),
            command,
            config.question,
            config.expect,
        )

    @property
    def _folders(self) -> tuple[Path, ...]:
        return (self.code_dir,)

    @property
    def config_file(self) -> Path:
        return self.directory / "settings.yaml"

    @property
    def epochs_file(self) -> Path:
        return self.directory / "epochs.csv"
