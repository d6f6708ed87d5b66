"""What saved preferences hold, in one table."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rlhp_ray.preferences.preference import Answer
from rlhp_ray.preferences.preference_source import PreferenceSource
from rlhp_ray.preferences.preference_subject import PreferenceSubject

_MOST_SOURCES = 5  # that are named one by one


@dataclass
class PreferenceStatistics:
    """Counts over all preferences of one source.

    Args:
        subject: what they are about.
        clips: that are kept.
        size_bytes: on disk.
        queries: answered, skips included.
        answers: how many of each.
        sources: how many of each teacher or labeller.
        first_env_steps: smallest age of the run at which one was asked, in env steps; None where there is none.
        last_env_steps: largest.
        weights: how much the answers of each source count, by what was recorded; 0 where they are withdrawn, and not
            counted here.
        duplicates: preferences by which a source says what it said of the pair before, whichever way round.
    """

    subject: PreferenceSubject
    clips: int
    size_bytes: int
    queries: int = 0
    answers: Counter[Answer] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    first_env_steps: int | None = None
    last_env_steps: int | None = None
    weights: Mapping[str, float] = field(default_factory=dict)
    duplicates: int = 0

    @property
    def labels(self) -> int:
        """Answers that can be trained on."""
        return self.queries - self.answers[Answer.SKIP]


def gather_statistics(source: PreferenceSource) -> PreferenceStatistics:
    """Count over all preferences; no clip is read. Raises PreferenceStoreError where the source is damaged."""
    counts = PreferenceStatistics(source.subject, source.num_clips, source.size_bytes(), weights=source.weights)
    seen: set[tuple[str, str, str, str]] = set()  # judgements
    for saved in source.preferences():
        p = saved.preference
        counts.queries += 1
        counts.answers[p.answer] += 1
        counts.sources[p.source] += 1
        first, last = counts.first_env_steps, counts.last_env_steps
        counts.first_env_steps = p.env_steps if first is None else min(first, p.env_steps)
        counts.last_env_steps = p.env_steps if last is None else max(last, p.env_steps)
        seen.add(p.judgement)
    counts.duplicates = counts.queries - len(seen)
    return counts


def statistics_table(counts: PreferenceStatistics) -> str:
    """The table that `rlhp preferences stats` prints."""
    subject = counts.subject
    steps = counts.first_env_steps, counts.last_env_steps
    rows = {
        "environment": f"{subject.env_id} ({subject.env_version or 'version not known'})",
        "frame skip": str(subject.frame_skip or "the environment's own"),
        "score": "blanked where its place is known" if subject.hides_score else "shown",
        "clips": f"{counts.clips:,} of {subject.clip_steps} steps",
        "observation space": _space_text(subject.observation_space),
        "action space": _space_text(subject.action_space),
        "queries": f"{counts.queries:,}",
        "labels": f"{counts.labels:,}",
        "answers": ", ".join(_share_text(answer, counts) for answer in Answer),
        "sources": _sources_text(counts.sources),
        **({"weights": _weights_text(counts.weights)} if counts.weights else {}),
        "env steps": "none" if None in steps else f"{steps[0]:,} to {steps[1]:,}",
        "duplicates": f"{counts.duplicates:,}",
        "size on disk": f"{counts.size_bytes / 1e6:,.1f} MB",
    }
    return "\n".join(f"  {name:<19}{text}" for name, text in rows.items())


def _share_text(answer: Answer, counts: PreferenceStatistics) -> str:
    share = counts.answers[answer] / counts.queries if counts.queries else 0.0
    return f"{answer.value} {share:.1%}"


def _sources_text(sources: Counter[str]) -> str:
    named = [f"{name} {count:,}" for name, count in sources.most_common(_MOST_SOURCES)]
    more = len(sources) - len(named)
    return ", ".join([*named, *([f"{more} more"] if more else [])]) or "none"


def _weights_text(weights: Mapping[str, float]) -> str:
    told = [f"{name} {f'{weight:g}' if weight else 'withdrawn'}" for name, weight in sorted(weights.items())]
    return ", ".join(told)


def _space_text(space: dict[str, Any]) -> str:
    details = [str(space["n"])] if "n" in space else [str(tuple(space.get("shape", ()))), str(space.get("dtype", ""))]
    return " ".join([space["type"], *details]).strip()
