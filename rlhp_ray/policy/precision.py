"""What the policy's convolutions are computed in on this machine."""

from typing import Literal

import torch

from rlhp_ray.config.schema import RunConfig

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
FAST_BFLOAT16 = ("amx_bf16", "avx512_bf16")  # without one of them bfloat16 is slower than float32


def fast_bfloat16() -> str | None:
    """What this processor has to multiply bfloat16 with; None if nothing."""
    found = torch.cpu.get_capabilities()
    return next((name for name in FAST_BFLOAT16 if found.get(name)), None)


def policy_precision(run: RunConfig) -> Literal["float32", "bfloat16"]:
    """What `training.precision` comes to here."""
    if run.training.precision != "auto":
        return run.training.precision
    return "bfloat16" if fast_bfloat16() else "float32"


def precision_text(run: RunConfig) -> str:
    """For people, where frames are seen."""
    precision, instructions = policy_precision(run), fast_bfloat16()
    if precision == "bfloat16":
        how = f"with {instructions}" if instructions else "for which this processor has no instructions: it is slow"
        return f"the policy learns in bfloat16, {how}"
    why = "" if instructions else ": this processor has no instructions for bfloat16"
    return f"the policy learns in float32{why}"
