"""A pre-mortem as plain text: findings first, then notes."""

import textwrap

from rlhp_ray.checks.finding import Finding, Severity
from rlhp_ray.checks.premortem import Premortem

WIDTH = 120
_HEADS = {Severity.FINDING: "FINDINGS", Severity.NOTE: "NOTES"}


def premortem_text(premortem: Premortem, env_id: str) -> str:
    """All of it, without a newline at the end."""
    parts = []
    for severity, head in _HEADS.items():
        told = premortem.of(severity)
        if told:
            parts.append("\n\n".join([head, *(_paragraph(topic, finding) for topic, finding in told)]))
    parts.append(_closing(premortem, env_id))
    return "\n\n".join(parts)


def finding_line(finding: Finding) -> str:
    """One finding on one line."""
    return f"{finding.what} Why it matters: {finding.why} Change: {finding.change}"


def _paragraph(topic: str, finding: Finding) -> str:
    change, _, command = finding.change.partition("\n")
    lines = [("- ", f"{topic}: {finding.what}"), ("  why:    ", finding.why), ("  change: ", change)]
    folded = [_folded(indent, text) for indent, text in lines]
    return "\n".join([*folded, *([f"          {command}"] if command else [])])


def _folded(indent: str, text: str) -> str:
    rest = " " * len(indent)
    return textwrap.fill(
        text, WIDTH, initial_indent=indent, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )


def _closing(premortem: Premortem, env_id: str) -> str:
    counts = [f"{_count(len(premortem.of(severity)), severity.value)}" for severity in _HEADS]
    return (
        f"{' and '.join(counts)} on {env_id}, from {premortem.looked_at_env_steps:,} env steps and "
        f"{premortem.looked_at_clips:,} clips of the untrained policy, in {premortem.seconds:.1f} s."
    )


def _count(number: int, word: str) -> str:
    return f"{number or 'no'} {word}{'' if number == 1 else 's'}"
