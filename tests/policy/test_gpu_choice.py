"""Which device a run comes to, and what of a GPU its trial reserves; the machines of these tests have none."""

import pytest
import torch

from rlhp_ray.config.loading import load_config
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.errors import ConfigError
from rlhp_ray.policy import gpu_choice
from rlhp_ray.policy.algorithm_config import build_algorithm_config
from rlhp_ray.policy.gpu_choice import require_device, trains_on_gpu


def run(config: str, *overrides: str) -> RunConfig:
    return load_config(config, list(overrides))


def reserved(config: RunConfig) -> list[dict[str, float]]:
    """Bundles of the trial."""
    algorithm = build_algorithm_config(config)
    return algorithm.algo_class.default_resource_request(algorithm).bundles


@pytest.fixture
def one_gpu(monkeypatch):
    monkeypatch.setattr(gpu_choice, "gpus_offered", lambda: 1.0)


@pytest.mark.usefixtures("one_gpu")
@pytest.mark.parametrize(
    ("config", "device", "expected"),
    [
        ("moving_dot_pixels", "auto", True),
        ("moving_dot", "auto", False),
        ("moving_dot", "cuda", True),
        ("moving_dot_pixels", "cpu", False),
    ],
)
def test_auto_takes_a_gpu_for_frames(config: str, device: str, expected: bool):
    assert trains_on_gpu(run(config, f"device={device}")) is expected


def test_auto_is_the_cpu_where_there_is_no_gpu():
    assert not trains_on_gpu(run("moving_dot_pixels"))
    assert all("GPU" not in bundle for bundle in reserved(run("moving_dot_pixels")))


@pytest.mark.usefixtures("one_gpu")
def test_policy_and_predictor_share_one_gpu():
    main, learner = reserved(run("moving_dot_pixels"))
    assert (main["GPU"], learner["GPU"]) == (0.75, 0.25)


@pytest.mark.usefixtures("one_gpu")
def test_several_trials_fit_on_one_gpu():
    config = run("moving_dot_pixels", "reward.num_gpus=0.1", "training.rllib.num_gpus_per_learner=0.15")
    assert sum(bundle["GPU"] for bundle in reserved(config)) == pytest.approx(0.25)


@pytest.mark.usefixtures("one_gpu")
def test_without_a_predictor_the_policy_has_the_gpu_to_itself():
    bundles = reserved(run("moving_dot_pixels", "reward_source=true_reward"))
    assert [bundle.get("GPU") for bundle in bundles] == [1.0]


def test_cuda_without_a_gpu_is_refused_in_words():
    assert gpu_choice.gpus_offered() == 0, "this machine has a GPU, so that nothing is refused"
    with pytest.raises(ConfigError, match=r"device: got cuda, but there is no GPU.*Set device=auto or cpu") as refusal:
        require_device(run("pendulum", "device=cuda"))
    assert torch.__version__ in str(refusal.value)
    require_device(run("pendulum", "device=cpu"))
    require_device(run("moving_dot_pixels"))
