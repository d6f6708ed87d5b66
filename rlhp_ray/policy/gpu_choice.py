"""Whether a trial trains on a GPU, and how policy and predictor share it; rollouts and their rewards need none."""

import sys

import torch

from rlhp_ray.config.schema import RunConfig
from rlhp_ray.envs.image_space import is_image_space
from rlhp_ray.envs.registry import describe_env
from rlhp_ray.errors import ConfigError


def gpus_offered() -> float:
    """GPUs of the cluster, where Ray runs, else of this machine; 0 where PyTorch is a build that cannot use them."""
    if not torch.backends.cuda.is_built():
        return 0.0
    ray = sys.modules.get("ray")  # where nobody has imported it, it does not run
    if ray is None or not ray.is_initialized():
        return float(torch.cuda.device_count())
    return float(ray.cluster_resources().get("GPU", 0.0))


def trains_on_gpu(run: RunConfig) -> bool:
    """What `device` comes to here: auto is a GPU where there is one and frames are seen.

    On layers of 64 units a GPU waits for the next call most of the time, and loses to a core.
    """
    if run.device != "auto":
        return run.device == "cuda"
    return gpus_offered() > 0 and is_image_space(
        describe_env(run.env.id, frame_skip=run.env.frame_skip).observation_space
    )


def reward_gpus(run: RunConfig) -> float:
    """The share of a GPU that the predictor's process reserves; 0 on the CPU."""
    return run.reward.num_gpus if run.reward_source == "preferences" and trains_on_gpu(run) else 0.0


def policy_gpus(run: RunConfig) -> float:
    """The share of a GPU that the policy's learner reserves, which together with the predictor's is one."""
    return 1.0 - reward_gpus(run) if trains_on_gpu(run) else 0.0


def require_device(run: RunConfig) -> None:
    """Never a silent CPU. Raises ConfigError: `device` is cuda, and no GPU can be used here."""
    if run.device == "cuda" and gpus_offered() == 0:
        build = "sees none" if torch.backends.cuda.is_built() else f"{torch.__version__} is a build without CUDA"
        raise ConfigError(
            f"device: got cuda, but there is no GPU to use here (PyTorch {build}); expected one. Set device=auto or "
            "cpu, or install PyTorch's CUDA build on a machine with a GPU."
        )
