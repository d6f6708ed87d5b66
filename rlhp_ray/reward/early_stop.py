"""Stops a round of fitting where the validation loss no longer falls, and goes back to where it was least."""

import copy
import math
from typing import Any

from rlhp_ray.reward.epoch_losses import EpochLosses
from rlhp_ray.reward.member_network import MemberNetwork
from rlhp_ray.reward.member_optimiser import MemberOptimiser


class EarlyStop:
    """Watches the validation loss, mean over members; never the training loss, which falls on while members overfit.

    Args:
        network: goes back to its weights of the best epoch.
        optimiser: goes back with it.
        patience: epochs without improvement before the stop.
    """

    def __init__(self, network: MemberNetwork, optimiser: MemberOptimiser, patience: int) -> None:
        self._network, self._optimiser, self._patience = network, optimiser, patience
        self._least = math.inf
        self._epochs_since = 0
        self._best: tuple[EpochLosses, dict[str, Any], dict[str, Any]] | None = None

    def stops_after(self, losses: EpochLosses) -> bool:
        """Take in an epoch that has ended; whether it was the last. One that cannot be validated does not count."""
        validation = float(losses.validation.nanmean())
        if validation < self._least:
            self._least, self._epochs_since = validation, 0
            states = self._network.state_dict(), self._optimiser.state_dict()
            self._best = (losses, *copy.deepcopy(states))
        elif not math.isnan(validation):
            self._epochs_since += 1
        return self._epochs_since >= self._patience

    def go_back(self, last: EpochLosses) -> EpochLosses:
        """Put the best epoch's weights back; its losses, or the last ones where no epoch could be validated."""
        if self._best is None:
            return last
        losses, weights, optimiser = self._best
        self._network.load_state_dict(weights)
        self._optimiser.load_state_dict(optimiser)
        return losses
