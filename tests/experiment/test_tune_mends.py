"""What is mended of Ray Tune, and that it has to be: where the second test of a pair fails, the mend can go."""

import gc
import pickle

import pytest
import ray
from ray import tune
from ray.air.execution import FixedResourceManager, ResourceRequest
from ray.air.execution._internal import RayActorManager
from ray.air.execution._internal.tracked_actor_task import TrackedActorTask
from ray.exceptions import NodeDiedError, OutOfMemoryError

from rlhp_ray.experiment.failure_record import failure_kind
from rlhp_ray.experiment.ray_session import ray_session
from rlhp_ray.experiment.trial import tell_error
from rlhp_ray.experiment.tune_mends import MendedActorManager, mended_tune

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
    with mended_tune():
        assert futures_held(tmp_path) < 20


def test_tune_itself_keeps_them(in_ray, tmp_path):
    assert futures_held(tmp_path) > ITERATIONS - 20


def failures_of(kind_of_manager, error, at_start=False):
    """What the manager tells of a trial when a call to it, or its start, ended with the error."""

    class Trial:  # in here, since its process cannot import this module
        pass

    failures = []
    told = lambda actor, failure: failures.append(failure)  # noqa: E731
    manager = kind_of_manager(FixedResourceManager({"CPU": 1}))
    actor = manager.add_actor(Trial, {}, ResourceRequest([{"CPU": 1}]), on_error=told)
    while not manager.is_actor_started(actor):
        manager.next(timeout=1.0)
    if at_start:
        manager._actor_start_failed(actor, error)
    else:
        manager._actor_task_failed(TrackedActorTask(actor, on_error=told), error)
    return failures


KILLED = OutOfMemoryError(
    "3 worker(s) were killed due to the node running low on memory. Memory on the node (IP: 192.0.2.2, ID: 9d) was "
    "3.29GB used / 23.54GB limit (0.139939)\nTop 10 memory users: PID\tMEM(GB)\tCOMMAND\nRefer to the documentation."
)


@pytest.mark.parametrize("at_start", [False, True])
@pytest.mark.parametrize("error, kind", [(KILLED, "memory"), (NodeDiedError("its host is gone"), "process")])
def test_a_trial_that_ray_ended_fails_by_itself(in_ray, error, kind, at_start):
    failures = failures_of(MendedActorManager, error, at_start)
    assert failures and {failure_kind(pickle.loads(pickle.dumps(each))) for each in failures} == {kind}
    assert str(pickle.loads(pickle.dumps(failures[0]))) == str(error)


def test_what_a_user_reads_is_a_line_and_the_rest_is_in_a_file(in_ray, tmp_path, capsys):
    tell_error(tmp_path, failures_of(MendedActorManager, KILLED)[0])
    told = capsys.readouterr().err.splitlines()
    assert told[0] == (
        "rlhp: error: Ray killed the trial, since its machine ran out of memory: 3.29GB used / 23.54GB. "
        "Free memory, then go on."
    )
    assert "rlhp resume" in told[2]


def test_tune_itself_ends_with_it(in_ray):
    with pytest.raises(RuntimeError, match="Caught unexpected exception"):
        failures_of(RayActorManager, KILLED)
