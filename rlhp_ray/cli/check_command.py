"""`rlhp check`, and the part of it that `rlhp train` runs first."""

import argparse
import sys
from typing import TYPE_CHECKING

from rlhp_ray.errors import RlhpError

if TYPE_CHECKING:
    from rlhp_ray.config.schema import RunConfig
    from rlhp_ray.envs.registry import EnvDescription

_FINDINGS = 1  # exit code


def check(arguments: argparse.Namespace, command: str) -> int:
    """`rlhp check CONFIG [k=v ...]`: exit code 0 without findings, 1 with some."""
    del command  # nothing is archived
    from rlhp_ray.config.loading import load_config
    from rlhp_ray.config.validation import validate_run

    config = load_config(arguments.config, arguments.overrides)
    description = validate_run(config)

    from rlhp_ray.checks.finding import Severity
    from rlhp_ray.checks.premortem import run_checks
    from rlhp_ray.checks.report_text import premortem_text
    from rlhp_ray.preferences.schedule_choice import check_schedule

    check_schedule(config)
    premortem = run_checks(config, description, (arguments.config, *arguments.overrides))
    print(premortem_text(premortem, config.env.id), flush=True)
    return _FINDINGS if premortem.of(Severity.FINDING) else 0


def warn_before_training(config: "RunConfig", description: "EnvDescription") -> None:
    """Print what the quick checks find; never refuse what validation accepts."""
    from rlhp_ray.checks.premortem import run_quick_checks
    from rlhp_ray.checks.report_text import finding_line

    try:
        findings = run_quick_checks(config, description)
    except RlhpError:
        return  # the run says so itself, and archives it
    except Exception as error:  # a check that fails is no reason not to train
        text = f"{type(error).__name__}: {' '.join(str(error).split())}"
        print(f"rlhp: warning: the check before the run failed ({text})", file=sys.stderr, flush=True)
        return
    for finding in findings:
        print(f"rlhp: warning: {finding_line(finding)}", file=sys.stderr, flush=True)
