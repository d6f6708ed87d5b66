"""The user's functions are tried before anything is written or started, in new and resumed runs alike."""

from pathlib import Path

import pytest

from rlhp_ray.config.loading import dump_config
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.envs.registry import describe_env
from rlhp_ray.errors import ConfigError
from rlhp_ray.experiment import resume, trial
from rlhp_ray.experiment.gathering import gather_preferences
from rlhp_ray.experiment.run_archive import RunArchive


@pytest.fixture
def config(tmp_path, monkeypatch) -> RunConfig:
    (tmp_path / "greedy_tricks.py").write_text("def greedy(progress):\n    return 2 * progress\n")
    monkeypatch.syspath_prepend(tmp_path)
    return RunConfig.model_validate(
        {
            "name": "first",
            "output_dir": str(tmp_path / "runs"),
            "env": {"id": "rlhp/MovingDot-v0"},
            "preferences": {"schedule": "greedy_tricks:greedy"},
        }
    )


@pytest.fixture
def no_session(monkeypatch) -> None:
    for module in (trial, resume):
        monkeypatch.setattr(module, "run_session", lambda *_, **__: pytest.fail("a session was started"))


@pytest.mark.usefixtures("no_session")
def test_a_new_run_is_refused_and_leaves_nothing(config, tmp_path):
    with pytest.raises(ConfigError, match="It asks for more labels than the budget"):
        trial.run_trial(config, describe_env(config.env.id), config_name="x", dashboard=False, command="rlhp train x")
    assert not (tmp_path / "runs").exists()


@pytest.mark.usefixtures("no_session")
def test_a_run_whose_schedule_was_changed_meanwhile_is_not_resumed_and_keeps_its_configuration(config):
    archive = RunArchive.create(
        directory := Path(config.output_dir), "first", "x", dump_config(config), "rlhp train x", None, None
    )
    before = (directory / "first" / "config.yaml").read_bytes()
    with pytest.raises(ConfigError, match="It asks for more labels than the budget"):
        resume.resume_run(archive.directory, ["preferences.labels=400"], dashboard=False, command="rlhp resume")
    assert (directory / "first" / "config.yaml").read_bytes() == before


RAM = {"reward_function": "rlhp_ray.preferences.enduro_pace:pace"}


@pytest.mark.usefixtures("no_session")
def test_a_reward_that_asks_for_ram_where_there_is_none_is_refused_and_leaves_nothing(tmp_path):
    config = RunConfig.model_validate(
        {"output_dir": str(tmp_path / "runs"), "env": {"id": "rlhp/MovingDot-v0"}, "teacher": RAM}
    )
    description = describe_env(config.env.id)
    with pytest.raises(ConfigError, match="which has a parameter `ram`"):
        trial.run_trial(config, description, config_name="x", dashboard=False, command="rlhp train x")
    with pytest.raises(ConfigError, match="which has a parameter `ram`"):
        gather_preferences(config, description, config_name="x", command="rlhp preferences gather x")
    assert not (tmp_path / "runs").exists()
    archive = RunArchive.create(tmp_path / "runs", "old", "x", dump_config(config), "rlhp train x", None, None)
    with pytest.raises(ConfigError, match="which has a parameter `ram`"):
        resume.resume_run(archive.directory, [], dashboard=False, command="rlhp resume")


@pytest.mark.usefixtures("no_session")
def test_prices_that_cannot_be_used_are_told_before_anything_is_written(tmp_path):
    config = RunConfig.model_validate({"output_dir": str(tmp_path), "env": {"id": "rlhp/MovingDot-v0"}})
    (tmp_path / "prices.yaml").write_text("currency: EUR\ncpu_hour: cheap\n")
    with pytest.raises(ConfigError, match="cpu_hour: got the text 'cheap', expected a number >= 0"):
        trial.run_trial(config, describe_env(config.env.id), config_name="x", dashboard=False, command="rlhp train x")
    assert [path.name for path in tmp_path.iterdir()] == ["prices.yaml"]


@pytest.mark.usefixtures("no_session")
def test_on_the_true_reward_nobody_asks_the_teacher(tmp_path, monkeypatch):
    sections = {"reward_source": "true_reward", "env": {"id": "rlhp/MovingDot-v0"}, "teacher": RAM}
    config = RunConfig.model_validate({**sections, "output_dir": str(tmp_path / "runs")})
    started = []
    monkeypatch.setattr(trial, "run_session", lambda *_, **__: started.append(1))
    trial.run_trial(config, describe_env(config.env.id), config_name="x", dashboard=False, command="rlhp train x")
    assert started
