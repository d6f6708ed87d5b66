"""A run directory as an archive: what ran, on what, with which code, what it cost and which question it answers.

```
RUN/  config.yaml  command.txt  question.md  prices.yaml  versions.txt  hardware.json  code/{commit.txt,diff.patch}
      console.log  metrics.csv  tensorboard/  checkpoints/  preferences.sqlite  videos/
      learning_curve.png  diagnostics.json  diagnostics.png  summary.json  failures.json  not_finite/
```

`config.yaml` is written last: a directory without it is not (or not yet) a run. `.lock` tells whether a process is at
work (`session_lock`), `notes.md` is what `rlhp runs note` adds. Secrets stay out: environment variables are never read,
values of secret-looking keys are masked in commands, secret-looking files are left out of the diff.
"""

import contextlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from rlhp_ray.errors import ArchiveError
from rlhp_ray.experiment.archive_files import (
    archive_errors,
    as_json,
    cannot_write,
    make_run_directory,
    plain_name,
    read_text,
    require_disk_space,
    write_durably,
)
from rlhp_ray.experiment.provenance import archive_code, hardware, installed_versions, mask_secrets

if TYPE_CHECKING:
    from rlhp_ray.config.price_table import PriceTable


@dataclass(frozen=True)
class RunArchive:
    """One run directory. Make it with `create` or `open`, not with the constructor."""

    directory: Path

    @classmethod
    def create(
        cls,
        output_dir: Path,
        name: str | None,
        default_stem: str,
        config_yaml: str,
        command: str,
        question: str | None,
        expect: str | None,
        prices: "PriceTable | None" = None,
    ) -> Self:
        """Makes `<output_dir>/<name>` (or `<default_stem>-<unique suffix>`) and files what is known before the run.

        Raises:
            ConfigError: `name` is taken or is not a plain directory name.
            ArchiveError: too little disk space, or the directory cannot be written. What was made for it is removed
                again; what existed stays.
        """
        output_dir = Path(os.path.abspath(output_dir))
        stem = plain_name(name) if name is not None else re.sub(r"[^\w.+-]+", "-", default_stem).lstrip(".-") or "run"
        missing = [folder for folder in (output_dir, *output_dir.parents) if not folder.exists()]
        made: list[Path] = []
        try:
            require_disk_space(output_dir)
            output_dir.mkdir(parents=True, exist_ok=True)
            archive = cls(make_run_directory(output_dir, stem, unique=name is None))
            made.append(archive.directory)
            archive._fill(config_yaml, command, question, expect, prices)
        except BaseException as error:
            for folder in made:
                shutil.rmtree(folder, ignore_errors=True)
            for folder in missing:
                with contextlib.suppress(OSError):
                    folder.rmdir()
            if isinstance(error, OSError):
                raise cannot_write(output_dir, error) from error
            raise
        return archive

    @classmethod
    def open(cls, directory: Path) -> "RunArchive":
        """The archive of an existing run; `ArchiveError` if `directory` is not one."""
        directory = Path(os.path.abspath(directory))
        if not directory.is_dir():
            what = "is a file" if directory.exists() else "does not exist"
            raise ArchiveError(f"{directory} {what}. Expected a run directory, one that `rlhp train` wrote.")
        archive = cls(directory)
        if not archive.config_file.is_file():
            parent = next((folder for folder in directory.parents if cls(folder).config_file.is_file()), None)
            hint = f" Did you mean the run around it, {parent}?" if parent else ""
            raise ArchiveError(f"{directory} is not a run directory: it holds no config.yaml.{hint}")
        return archive

    def read_config_text(self) -> str:
        """The resolved configuration of the run, as YAML text."""
        return read_text(self.config_file)

    def append_command(self, command: str) -> None:
        """Adds one line to `command.txt`: the UTC time and the command, secrets masked."""
        line = mask_secrets(command).replace("\r", r"\r").replace("\n", r"\n")
        text = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}  {line}\n"
        with archive_errors(self.command_file), self.command_file.open("ab") as file:
            file.write(text.encode(errors="backslashreplace"))

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        """Replaces `summary.json` in one step. Numbers that are not finite become null, as JSON has none."""
        with archive_errors(self.summary_file):
            write_durably(self.summary_file, json.dumps(as_json(summary), indent=2, allow_nan=False) + "\n")

    def remove_summary(self) -> None:
        """Removes `summary.json`, if there is one."""
        with archive_errors(self.summary_file):
            self.summary_file.unlink(missing_ok=True)

    def read_summary(self) -> dict[str, Any] | None:
        """`summary.json`, or None where none was written yet; `ArchiveError` if it is damaged."""
        if not self.summary_file.exists():
            return None
        try:
            summary = json.loads(read_text(self.summary_file))
        except ValueError as error:
            raise ArchiveError(
                f"{self.summary_file} is damaged: {error}. Move it away; `rlhp resume {self.directory}` writes it anew."
            ) from error
        if not isinstance(summary, dict):
            raise ArchiveError(f"{self.summary_file} holds a {type(summary).__name__}, expected an object of keys.")
        return summary

    def make_folders(self) -> None:
        """Makes those that are missing, as in a copy from a bucket, which knows no empty ones.

        Raises:
            ArchiveError: they cannot be made.
        """
        with archive_errors(self.directory):
            for folder in self._folders:
                folder.mkdir(exist_ok=True)

    def _fill(
        self, config_yaml: str, command: str, question: str | None, expect: str | None, prices: "PriceTable | None"
    ) -> None:
        self.make_folders()
        self.append_command(command)
        if question or expect:
            parts = [("Question", question), ("What is expected", expect)]
            text = "\n".join(f"# {title}\n\n{body.strip()}\n" for title, body in parts if body)
            write_durably(self.question_file, text)
        if prices is not None:
            from rlhp_ray.config.price_table import PRICES_FILE  # pydantic, which a list of runs does without

            write_durably(self.directory / PRICES_FILE, prices.to_yaml())
        write_durably(self.versions_file, installed_versions())
        write_durably(self.hardware_file, json.dumps(hardware(), indent=2) + "\n")
        archive_code(self.code_dir, runs_dir=self.directory.parent)
        write_durably(self.config_file, config_yaml)

    @property
    def _folders(self) -> tuple[Path, ...]:
        return self.code_dir, self.tensorboard_dir, self.checkpoints_dir, self.videos_dir

    @property
    def config_file(self) -> Path:
        return self.directory / "config.yaml"

    @property
    def command_file(self) -> Path:
        return self.directory / "command.txt"

    @property
    def question_file(self) -> Path:
        return self.directory / "question.md"

    @property
    def code_dir(self) -> Path:
        return self.directory / "code"

    @property
    def versions_file(self) -> Path:
        return self.directory / "versions.txt"

    @property
    def hardware_file(self) -> Path:
        return self.directory / "hardware.json"

    @property
    def console_file(self) -> Path:
        return self.directory / "console.log"

    @property
    def metrics_file(self) -> Path:
        return self.directory / "metrics.csv"

    @property
    def tensorboard_dir(self) -> Path:
        return self.directory / "tensorboard"

    @property
    def checkpoints_dir(self) -> Path:
        return self.directory / "checkpoints"

    @property
    def preferences_file(self) -> Path:
        return self.directory / "preferences.sqlite"

    @property
    def videos_dir(self) -> Path:
        return self.directory / "videos"

    @property
    def learning_curve_file(self) -> Path:
        return self.directory / "learning_curve.png"

    @property
    def diagnostics_file(self) -> Path:
        return self.directory / "diagnostics.json"

    @property
    def diagnostics_picture(self) -> Path:
        return self.directory / "diagnostics.png"

    @property
    def notes_file(self) -> Path:
        return self.directory / "notes.md"

    @property
    def summary_file(self) -> Path:
        return self.directory / "summary.json"
