"""Preferences gathered by themselves: as many as asked, of the policy that is named, the same for the same seed."""

from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch

from rlhp_ray.config.schema import RunConfig
from rlhp_ray.config.validation import validate_gathering
from rlhp_ray.envs.env_choice import EnvChoice
from rlhp_ray.errors import CheckpointError, RewardDataError, TeacherError
from rlhp_ray.experiment.gathering import QUERIES_AT_ONCE, gather_preferences
from rlhp_ray.policy.actor_critic import ActorCriticNetwork
from rlhp_ray.policy.inference import save_policy
from rlhp_ray.preferences.source_location import open_source
from rlhp_ray.reward.observation_scaling import ObservationScaling

STEPS = 10


@pytest.fixture
def gather(tmp_path):
    """Gathers in a new directory, and gives it."""

    def make(name: str = "made", labels: int = 4, env_id: str = "rlhp/MovingDot-v0", seed: int = 0, **sections) -> Path:
        sections["preferences"] = {"labels": labels, "clip_steps": STEPS} | sections.get("preferences", {})
        sections["env"] = {"id": env_id} | sections.get("env", {})
        data = {"output_dir": str(tmp_path / "runs"), "name": name, "seed": seed, **sections}
        config = RunConfig.model_validate(data)
        return gather_preferences(config, validate_gathering(config), config_name="moving_dot", command="rlhp x")

    return make


def held(directory: Path):
    with open_source(directory) as source:
        return [saved.preference for saved in source.preferences()], dict(source.clips()), source.subject


@pytest.mark.parametrize("labels", [1, 4, QUERIES_AT_ONCE + 7])
def test_every_label_is_asked(gather, labels):
    directory = gather(labels=labels)
    preferences, clips, subject = held(directory)
    assert [p.query_index for p in preferences] == list(range(labels))
    assert {p.source for p in preferences} == {"oracle"}
    assert len({frozenset((p.left_id, p.right_id)) for p in preferences}) == labels
    assert (subject.env_id, subject.clip_steps) == ("rlhp/MovingDot-v0", STEPS)
    for preference in preferences:
        left, right = (clips[clip_id].teacher_rewards.sum() for clip_id in (preference.left_id, preference.right_id))
        assert preference.answer.value == ("equal" if left == right else "left" if left > right else "right")


def test_it_is_filed_like_a_run_and_is_none(gather):
    directory = gather()
    names = {path.name for path in directory.iterdir()}
    assert names == {"settings.yaml", "command.txt", "versions.txt", "hardware.json", "code", "preferences.sqlite"}
    assert (directory / "command.txt").read_text().endswith("rlhp x\n")


def test_the_same_seed_gives_the_same_preferences_and_another_does_not(gather):
    first, same, other = (held(gather(name, seed=seed))[0] for name, seed in (("a", 0), ("b", 0), ("c", 1)))
    assert first == same
    assert {p.left_id for p in first}.isdisjoint(p.left_id for p in other)


@pytest.mark.parametrize("selection", ["k_centre", "disagreement", "near_policy"])
@pytest.mark.parametrize("env_id", ["rlhp/MovingDot-v0", "CartPole-v1"])
def test_any_strategy_may_choose(gather, selection, env_id):
    assert len(held(gather(env_id=env_id, preferences={"selection": selection}, env={"horizon": 50}))[0]) == 4


def test_hidden_ends_and_penalties_are_those_of_a_run(gather):
    _, clips, _ = held(gather(labels=40, env_id="CartPole-v1", env={"horizon": 50, "termination_penalty": 7.0}))
    assert min(clip.teacher_rewards.min() for clip in clips.values()) == 1 - 7


@pytest.fixture
def policy(tmp_path):
    """Saves a policy for MovingDot that always takes the action `stay`."""
    scaling = ObservationScaling.from_space(gym.make("rlhp/MovingDot-v0").observation_space)
    network = ActorCriticNetwork(scaling.scaled_space, gym.spaces.Discrete(5), (8,))
    with torch.no_grad():
        network.actor_head.bias.copy_(torch.tensor([100.0, 0, 0, 0, 0]))
    save_policy(tmp_path / "policy", network, scaling, gym.spaces.Discrete(5), EnvChoice("rlhp/MovingDot-v0"), (8,))
    return {"load": str(tmp_path / "policy")}


def test_a_given_policy_is_recorded(gather, policy):
    _, clips, _ = held(gather(policy=policy, training={"hidden_sizes": [8]}))
    assert all((clip.actions == 0).all() for clip in clips.values())
    _, clips, _ = held(gather("other"))
    assert len(np.unique(np.concatenate([clip.actions for clip in clips.values()]))) == 5


def test_nothing_is_written_where_the_policy_or_the_teacher_cannot_be_had(gather, policy, tmp_path):
    with pytest.raises(CheckpointError, match=r"hidden_sizes \[8\]; this run expects \[64, 64\]"):
        gather(policy=policy)
    with pytest.raises(TeacherError):
        gather(teacher={"callable": "no_module_of_this_name:judge"})
    assert not (tmp_path / "runs").exists()


def test_episodes_shorter_than_a_clip_are_told(gather):
    with pytest.raises(RewardDataError, match=r"4 of 4 pairs are missing: .* of CartPole-v1 gave 0 clips of 100 steps"):
        gather(env_id="CartPole-v1", preferences={"clip_steps": 100}, env={"horizon": None})


def test_what_was_answered_before_a_failure_stays(gather, tmp_path, monkeypatch):
    (tmp_path / "late_failure.py").write_text(
        "def judge(left, right, rng, asked=[]):\n"
        "    asked.append(1)\n"
        f"    assert len(asked) <= {QUERIES_AT_ONCE}\n"
        "    return 'left'\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(TeacherError, match=f"query {QUERIES_AT_ONCE}"):
        gather(labels=QUERIES_AT_ONCE + 5, teacher={"callable": "late_failure:judge"})
    assert len(held(tmp_path / "runs" / "made")[0]) == QUERIES_AT_ONCE


def test_gathering_from_a_game_that_shows_its_score_is_warned_of(gather):
    with pytest.warns(UserWarning, match="ALE/Pong-v5 shows its score"):
        gather(env_id="ALE/Pong-v5", labels=1, env={"num_envs": 1, "score_mask": "off"})
