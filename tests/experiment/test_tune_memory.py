"""Memory of the process that calls `tune.run`, with a trial of many short iterations."""

import gc

import pytest
import ray
from ray import tune

from rlhp_ray.experiment.ray_session import ray_session
from rlhp_ray.experiment.tune_memory import results_let_go

ITERATIONS = 200


class FuturesAtLastResult(tune.Callback):
    """How many futures this process holds when the last result is there."""

    def __init__(self):
        self.count = 0

    def on_trial_result(self, iteration, trials, trial, result, **info):
        if result["training_iteration"] == ITERATIONS:
            self.count = sum(isinstance(each, ray.ObjectRef) for each in gc.get_objects())


@pytest.fixture(scope="module")
def in_ray():
    with ray_session(0, dashboard=False):
        yield


def futures_held(storage):
    class Idle(tune.Trainable):  # in here, since a trial's process cannot import this module
        def step(self):
            return {"payload": list(range(1000))}

    seen = FuturesAtLastResult()
    stop = {"training_iteration": ITERATIONS}
    tune.run(Idle, stop=stop, callbacks=[seen], storage_path=str(storage), verbose=0)
    return seen.count


def test_results_that_were_passed_on_are_not_kept(in_ray, tmp_path):
    with results_let_go():
        assert futures_held(tmp_path) < 20


def test_tune_itself_keeps_them(in_ray, tmp_path):
    """Where it does no longer, `tune_memory` can go."""
    assert futures_held(tmp_path) > ITERATIONS - 20
