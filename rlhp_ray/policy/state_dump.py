"""Numbers that are not finite end a trial, and leave the state in which they came up."""

import math
import shutil
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.learner.learner import Learner
from ray.rllib.core.rl_module.rl_module import RLModule
from ray.rllib.utils.metrics import NUM_MODULE_STEPS_TRAINED

from rlhp_ray.errors import TrainingDivergedError

DUMP_DIRECTORY = "not_finite"  # in a run directory; a checkpoint that nothing is resumed from
TRACEBACK_FILE = "traceback.txt"
_GRADIENT_NORM = "gradients_default_optimizer_global_norm"


def require_finite(result: Mapping[str, Any], module: RLModule | None) -> None:
    """Raises TrainingDivergedError where the policy's loss, gradient or weights of an iteration are not finite.

    Args:
        result: of RLlib.
        module: the policy.
    """
    learned = result.get("learners", {}).get(DEFAULT_MODULE_ID, {})
    if not learned.get(NUM_MODULE_STEPS_TRAINED, 0) > 0:  # NaN, as all the others, where nothing was learnt
        learned = {}
    for name, key in (("loss", Learner.TOTAL_LOSS_KEY), ("gradient", _GRADIENT_NORM)):
        value = learned.get(key)
        if value is not None and not math.isfinite(value):
            raise _diverged(name, float(value))
    if isinstance(module, torch.nn.Module):
        for name, weights in module.named_parameters():
            if not torch.isfinite(weights).all():
                raise _diverged(f"weights {name}", math.nan)


def _diverged(what: str, value: float) -> TrainingDivergedError:
    return TrainingDivergedError(
        f"the policy's {what} became {value}; expected finite numbers. Nothing more can be learnt from here: lower the "
        "learning rate (training.rllib.lr), or look for extreme observations or rewards."
    )


def dump_state(directory: Path, error: Exception, save: Callable[[str], None]) -> None:
    """Write what there is to look at; an earlier dump is replaced, and no error of this hides the one that it is about.

    Args:
        directory: to be made.
        error: why.
        save: writes a checkpoint into a directory, as far as it comes.
    """
    try:
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        (directory / TRACEBACK_FILE).write_text("".join(traceback.format_exception(error)))
        save(str(directory))
    except Exception as hindrance:  # a full disk, an actor that is gone: the error itself is told all the same
        error.add_note(f"The state was dumped in part only: {hindrance}")
    else:
        error.add_note(f"The state at that is in {directory}")
