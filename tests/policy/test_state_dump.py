"""A trial ends where its numbers are no longer finite, and what is then written of it."""

import math

import pytest
import torch
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.learner.learner import Learner
from ray.rllib.utils.metrics import NUM_MODULE_STEPS_TRAINED

from rlhp_ray.errors import TrainingDivergedError
from rlhp_ray.policy.state_dump import TRACEBACK_FILE, dump_state, require_finite


def result(loss: float, steps: float = 100) -> dict:
    learned = {Learner.TOTAL_LOSS_KEY: loss, NUM_MODULE_STEPS_TRAINED: steps}
    return {"learners": {DEFAULT_MODULE_ID: learned}}


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_ends_the_trial(loss):
    with pytest.raises(TrainingDivergedError, match=r"policy's loss became -?(nan|inf); .* lower the learning rate"):
        require_finite(result(loss), None)


def test_an_iteration_in_which_nothing_was_learnt_is_none():
    """RLlib then gives NaN for all that it would have told of learning."""
    require_finite(result(math.nan, steps=math.nan), None)
    require_finite(result(math.nan, steps=0), None)
    require_finite({}, None)


def test_weights_that_are_not_finite_end_the_trial():
    module = torch.nn.Linear(2, 1)
    require_finite(result(0.5), module)
    with torch.no_grad():
        module.bias[0] = math.nan
    with pytest.raises(TrainingDivergedError, match="the policy's weights bias became nan"):
        require_finite(result(0.5), module)


def test_a_dump_holds_the_error_and_what_could_be_saved(tmp_path):
    directory = tmp_path / "dump"
    directory.mkdir()
    (directory / "old").touch()
    error = TrainingDivergedError("the loss became nan")
    dump_state(directory, error, lambda folder: (directory / "state").write_text(folder))
    assert {path.name for path in directory.iterdir()} == {TRACEBACK_FILE, "state"}
    assert "the loss became nan" in (directory / TRACEBACK_FILE).read_text()
    assert error.__notes__ == [f"The state at that is in {directory}"]


def test_what_hinders_a_dump_does_not_hide_the_error(tmp_path):
    def full(folder: str) -> None:
        raise OSError(28, "No space left on device")

    error = TrainingDivergedError("the loss became nan")
    dump_state(tmp_path / "dump", error, full)
    assert error.__notes__ == ["The state was dumped in part only: [Errno 28] No space left on device"]
