"""A reward by itself: an ensemble fitted to saved preferences, epoch by epoch, without Ray."""

import csv
import dataclasses
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from rlhp_ray.clips.clip import ClipArrays
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.envs.registry import EnvDescription
from rlhp_ray.experiment.archive_files import archive_errors
from rlhp_ray.experiment.piece_archive import PieceArchive
from rlhp_ray.policy.gpu_choice import require_device, trains_on_gpu
from rlhp_ray.preferences.preference_reading import read_labels
from rlhp_ray.preferences.source_location import open_source
from rlhp_ray.reward.calibration import held_out_calibration
from rlhp_ray.reward.ensemble import RewardEnsemble
from rlhp_ray.reward.ensemble_fitting import EnsembleFitter, FitMetrics
from rlhp_ray.reward.fit_recipe import FitRecipe
from rlhp_ray.reward.inference import save_reward
from rlhp_ray.reward.labelled_pairs import LabelledPairs
from rlhp_ray.reward.run_ensemble import ensemble_spec, preference_subject
from rlhp_ray.reward.user_network import check_user_network


@dataclass(frozen=True)
class Epoch:
    """One pass over the labels; NaN where no member has such labels.

    Args:
        epoch: from 1.
        training_loss: cross-entropy on the labels that members train on, each just before its step.
        validation_loss: on the labels that their bootstrap left out.
        validation_accuracy: share of left-out, decided labels whose sign is predicted.
        calibration_error: expected calibration error on them, after the epoch.
        l2_coefficient: mean over members.
    """

    epoch: int
    training_loss: float
    validation_loss: float
    validation_accuracy: float
    calibration_error: float
    l2_coefficient: float


class RewardFitting:
    """Fits `reward.pretraining_epochs` epochs to the newest labels of `preferences.load`.

    Args:
        config: validated for fitting.
        description: of the environment.

    Raises:
        ConfigError: `device` is cuda, and there is none.
        PreferenceStoreError: the preferences cannot be read, are about something else, or hold no label.
        RewardDataError: a clip cannot be used.
    """

    def __init__(self, config: RunConfig, description: EnvDescription) -> None:
        require_device(config)
        torch.set_num_threads(1)
        torch.set_flush_denormal(True)  # as in the reward learner of a run
        self._config = config
        self._spec = ensemble_spec(config, description)
        if self._spec.network.is_users:
            check_user_network(self._spec.network_shape, self._spec.network)
        assert config.preferences.load is not None
        subject = preference_subject(config, self._spec)
        needs_next = self._spec.network.sees_next_observations
        labels, clips = read_labels(Path(config.preferences.load), subject, config.preferences.window, needs_next)
        with open_source(Path(config.preferences.load)) as source:
            weights = {**source.weights, **config.preferences.source_weights}
        pairs = LabelledPairs.from_preferences(labels, clips, weights)
        assert pairs is not None
        self._pairs = pairs
        self._clips = ClipArrays.from_clips(list(clips.values()))
        self._ensemble = RewardEnsemble(self._spec, "cuda" if trains_on_gpu(config) else "cpu")
        if self._ensemble.scaling.needs_data:
            observations = self._clips.observations
            self._ensemble.scaling = self._ensemble.scaling.fitted_to(observations.reshape(-1, *observations.shape[2:]))

    @property
    def num_labels(self) -> int:
        """Labels that are fitted to."""
        return len(self._pairs)

    def fit(self, after_epoch: Callable[[Epoch], None]) -> None:
        """Fit, and tell of each epoch how it went. Raises RewardDataError where a loss is not finite."""
        reward = self._config.reward
        recipe = FitRecipe.from_config(reward)
        fitter = EnsembleFitter(self._ensemble, reward.learning_rate, reward.batch_pairs, self._config.seed, recipe)
        numbers = itertools.count(1)

        def tell(metrics: FitMetrics) -> None:
            calibration = held_out_calibration(self._ensemble, self._pairs, self._config.seed, recipe.response_error)
            after_epoch(
                Epoch(
                    next(numbers),
                    metrics.training_loss,
                    metrics.validation_loss,
                    metrics.validation_accuracy,
                    calibration.error,
                    metrics.l2_coefficient,
                )
            )

        fitter.fit(self._pairs, reward.pretraining_epochs, round_index=0, after_epoch=tell)

    def save(self, directory: Path) -> None:
        """Normalise over all clips that were fitted to, and write the learnt reward."""
        published = self._ensemble.publish(1, self._ensemble.member_rewards_of_clips(self._clips))
        save_reward(directory, self._spec, published, self._config.env.id)


def fit_reward(
    config: RunConfig, description: EnvDescription, *, config_name: str, command: str, show: Callable[[str], None]
) -> Path:
    """Fit a reward in a directory of its own, showing a table of the epochs.

    Args:
        config: validated for fitting.
        description: of the environment.
        config_name: for the name of the directory.
        command: for the archive.
        show: takes each line of the table.

    Returns:
        The directory that was written.

    Raises:
        ConfigError: the directory exists.
        ArchiveError: it cannot be written.
        PreferenceStoreError, RewardDataError: as `RewardFitting`.
    """
    fitting = RewardFitting(config, description)
    archive = PieceArchive.of(config, f"{config_name}-reward-seed{config.seed}", command)
    show(f"{fitting.num_labels:,} labels of {config.preferences.load}")
    show(TABLE_HEAD)
    names = [field.name for field in dataclasses.fields(Epoch)]
    with archive_errors(archive.directory):
        with archive.epochs_file.open("w", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()

            def tell(epoch: Epoch) -> None:
                writer.writerow(dataclasses.asdict(epoch))
                show(table_row(epoch))

            fitting.fit(tell)
        fitting.save(archive.directory)
    return archive.directory


TABLE_HEAD = "  epoch  training loss  validation loss  accuracy  calibration error       L2"


def table_row(epoch: Epoch) -> str:
    """One line below `TABLE_HEAD`."""
    losses = f"{epoch.training_loss:15.3f}{epoch.validation_loss:17.3f}"
    quality = f"{epoch.validation_accuracy:10.2f}{epoch.calibration_error:19.3f}"
    return f"  {epoch.epoch:5}{losses}{quality}{epoch.l2_coefficient:9.1e}"
