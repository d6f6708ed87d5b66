"""Loading: every kind of bad input by the message that a user sees, and the way back to YAML."""

from pathlib import Path

import pytest

from rlhp_ray.config.loading import check_overrides, dump_config, find_config, load_config, override_config
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.errors import ConfigError


@pytest.fixture
def write(tmp_path):
    def write_config(text: str) -> str:
        path = tmp_path / "experiment.yaml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write_config


@pytest.fixture
def minimal(write) -> str:
    return write("env: {id: Pendulum-v1}\n")


def message(config: str, *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(config, overrides)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_defaults_are_the_documented_ones(minimal):
    config = load_config(minimal)
    assert (config.mode, config.reward_source, config.device, config.output_dir) == (
        "async",
        "preferences",
        "auto",
        "runs",
    )
    assert (config.env.num_envs, config.env.horizon, config.env.frame_skip) == (16, "auto", None)
    assert (config.training.env_steps, config.training.hidden_sizes, config.training.rllib) == (100_000, (64, 64), {})
    assert (config.preferences.labels, config.preferences.clip_steps, config.preferences.pool_clips) == (300, 25, 1000)
    assert (config.reward.members, config.reward.learning_rate, config.reward.epochs_per_round) == (3, 1e-3, 8)
    assert config.evaluation.episodes == 100


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("preferences.lables=200", "unknown key preferences.lables (got 200); did you mean preferences.labels?"),
        ("labels=200", "unknown key labels (got 200); did you mean preferences.labels?"),
        ("preference.labels=200", "did you mean preferences?"),
        ("teacher.zzz=1", "the keys of the section teacher are preset"),
        ("zzz=1", "the keys of the top level are name, question, expect, seed, mode"),
        ("seed=true", "seed: got true (a boolean), expected an integer >= 0; leave it out for the default, 0"),
        ("seed=-1", "seed: got -1 (an integer), expected an integer >= 0"),
        ("seed='5'", "seed: got the text '5', expected an integer >= 0; write it without quotes"),
        ("training.env_steps=1e5", "got 100000.0 (a number with a fraction), expected an integer >= 1; write 100000"),
        ("preferences.clip_steps=1", "preferences.clip_steps: got 1 (an integer), expected an integer >= 2"),
        ("preferences.clip_steps=", "preferences.clip_steps: got nothing (null), expected an integer >= 2"),
        ("preferences.initial_fraction=0", "expected a number > 0 and <= 1"),
        ("env.termination_penalty=false", "env.termination_penalty: got false (a boolean), expected a number >= 0"),
        ("env.horizon=never", "env.horizon: got the text 'never', expected an integer >= 1, auto or null"),
        ("env.horizon=0", "env.horizon: got 0 (an integer), expected an integer >= 1, auto or null"),
        ("env.id=", "env.id: got the text '', expected text, not empty"),
        ("reward.scale=.nan", "reward.scale: got .nan"),
        ("reward.learning_rate=.inf", "reward.learning_rate: got .inf"),
        ("reward.dropout=1", "reward.dropout: got 1 (an integer), expected a number >= 0 and < 1"),
        ("reward.patience=0", "expected an integer >= 1 or null"),
        ("reward.hidden_sizes=64", "expected a list of one or more numbers, each an integer >= 1"),
        ("reward.hidden_sizes=[64, 0]", "reward.hidden_sizes: got element 2, 0 (an integer)"),
        ("reward.hidden_sizes=[]", "reward.hidden_sizes: got [] (a list)"),
        ("mode=asinc", "mode: got the text 'asinc', expected async or sync; did you mean async?"),
        ("preferences.selection=disagrement", "near_policy; did you mean disagreement?"),
        (
            "preferences.schedule=hyperbollic",
            "expected constant, hyperbolic, inverse_quadratic, stepped or module:function; did you mean hyperbolic?",
        ),
        ("preferences.schedule=tricks.py:f()", "got the text 'tricks.py:f()', expected constant, hyperbolic"),
        ("preferences.schedule=", "preferences.schedule: got nothing (null), expected constant"),
        ("preferences.schedule_steps=[[9, 20], [30]]", "preferences.schedule_steps: got element 2, [30] (a list)"),
        ("preferences.schedule_steps=[[9, 20, 3]]", "got element 1, [9, 20, 3] (a list), expected a list of one or"),
        ("preferences.schedule_steps=[[0, 20]]", "pairs, each [an integer >= 1, an integer >= 1] or null"),
        ("preferences.schedule_steps=[[5, x]]", "preferences.schedule_steps: got element 1, the text 'x'"),
        ("preferences.schedule_steps=[5, 20]", "preferences.schedule_steps: got element 1, 5 (an integer)"),
        ("preferences.schedule_steps=[]", "preferences.schedule_steps: got [] (a list)"),
        ("preferences.window=0", "preferences.window: got 0 (an integer), expected an integer >= 1 or null"),
        ("preferences.source_weights=2", "got 2 (an integer), expected names, each with a number >= 0.001 and <= 1000"),
        ("preferences.source_weights={anna: 1, oracle: 0}", "got oracle: 0 (an integer), expected names, each with"),
        ("preferences.source_weights={anna: .nan}", "preferences.source_weights: got anna: .nan"),
        ("preferences.source_weights={3: 1}", "key preferences.source_weights.3: got an integer, expected text"),
        ("training.algorithm=SAC", "expected PPO; off-policy algorithms (SAC, DQN) stay refused"),
        ("teacher.preset=human", "expected oracle, stoch, myopic, mistake, skip, equal, random or people"),
        ("teacher.preset=stock", "did you mean stoch?"),
        ("teacher.beta=0", "teacher.beta: got 0 (an integer), expected a number > 0, perfect or null"),
        ("teacher.beta=.inf", "teacher.beta: got .inf"),
        ("teacher.beta=prefect", "expected a number > 0, perfect or null; did you mean perfect?"),
        ("teacher.gamma=1.1", "teacher.gamma: got 1.1 (a number with a fraction), expected a number > 0 and <= 1"),
        ("teacher.mistake=30", "teacher.mistake: got 30 (an integer), expected a number >= 0 and <= 1"),
        ("teacher.skip=-0.1", "teacher.skip: got -0.1 (a number with a fraction), expected a number >= 0"),
        ("teacher.skip_below=.nan", "teacher.skip_below: got .nan"),
        ("teacher.equal_within=-1", "teacher.equal_within: got -1 (an integer), expected a number >= 0"),
        ("training.rllib=3", "training.rllib: got 3 (an integer), expected a section of settings"),
        ("name=../escape", "name: got the text '../escape', expected a name of letters"),
        ("env=Pendulum-v1", "env is a section, and would be replaced whole; set its keys one by one"),
        ("env.id.x=1", "env.id is a single value, expected a section; remove .x"),
        ("seed", "override 'seed': got no '=', expected section.field=value"),
        ("env..id=1", "got the key 'env..id', expected names joined by single dots"),
        ("training.rllib.x=[1", "override 'training.rllib.x=[1': the value is not valid YAML"),
    ],
)
def test_a_bad_override_is_told_in_one_line(minimal, override, expected):
    told = message(minimal, override)
    assert expected in told
    assert "\n" not in told


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "env.id is missing; expected text, not empty; set it, for example env.id=Pendulum-v1"),
        ("[1, 2]", "got list, expected sections of `key: value` lines"),
        ("env: {id: a}\nenv: {id: b}", "the key 'env' stands here a second time; keep one (line 2, column 1)"),
        ("env:\n  id: a\n  id: b", "the key 'id' stands here a second time; keep one (line 3, column 3)"),
        ("env: [", "not valid YAML"),
        ("env: {id: a}\nteacher:", "teacher: got nothing (null), expected a section"),
        ("env: {id: 5}", "env.id: got 5 (an integer), expected text, not empty; write it in quotes"),
        ("env: {id: a}\n3: 4", "key 3: got an integer, expected text; quote it"),
        ("env: {id: a}\ntraining: {rllib: {1: 2}}", "key training.rllib.1: got an integer, expected text; quote it"),
        ("env: {id: !!python/object:os.system {}}", "not valid YAML"),
        ("env: {id: \x07}", "not valid YAML"),
    ],
)
def test_a_bad_file_is_told_with_its_name(write, text, expected):
    told = message(write(text))
    assert expected in told
    assert "experiment.yaml" in told


def test_several_errors_are_all_listed_one_a_line(minimal):
    heading, *lines = message(minimal, "seed=-1", "mode=asinc", "env.nun_envs=3", "oops").splitlines()
    assert heading.endswith(": 4 errors")
    assert len(lines) == 4
    assert "did you mean env.num_envs?" in "".join(lines)


def test_a_file_that_is_not_text(tmp_path):
    path = tmp_path / "model.yaml"
    path.write_bytes(b"\xff\xfe\x00\x80")
    assert "got bytes that are not UTF-8" in message(str(path))


def test_an_unknown_name_is_told_with_the_known_ones():
    told = message("moving_dott")
    assert "no configuration 'moving_dott'" in told
    assert "did you mean moving_dot" in told
    assert "cartpole" in told
    assert "got the override 'seed=1' where CONFIG was expected" in message("seed=1")
    assert "got a directory, expected a YAML file" in message("./")


def test_a_bare_name_is_found_from_any_directory_and_in_the_working_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tune_configs").mkdir()
    (tmp_path / "tune_configs" / "mine.yaml").write_text("env: {id: mine}")
    (tmp_path / "moving_dot").mkdir()
    assert load_config("mine").env.id == "mine"
    assert load_config("mine.yaml").env.id == "mine"
    assert find_config("moving_dot").parent.name == "tune_configs"


def test_overrides_are_typed_as_yaml_and_the_last_one_wins(minimal):
    config = load_config(
        minimal,
        [
            "seed=1",
            "seed=2",
            "training.env_steps=1_000",
            "training.rllib.lr=1e-3",
            "training.rllib.model.free=yes",
            "reward.learning_rate=3.0e2",
            "reward.scale=2",
            "env.horizon=null",
            "reward.hidden_sizes=[8, 9]",
        ],
    )
    assert config.seed == 2
    assert config.training.env_steps == 1000
    assert config.training.rllib == {"lr": 0.001, "model": {"free": True}}
    assert config.reward.learning_rate == 300.0
    assert isinstance(config.reward.scale, float)
    assert config.env.horizon is None
    assert config.reward.hidden_sizes == (8, 9)


def test_a_teacher_is_set_by_file_and_by_override_alike(write, minimal):
    assert load_config(minimal, ["teacher.beta=2"]).teacher.beta == 2.0
    assert load_config(minimal, ["teacher.beta=null"]).teacher.beta is None
    overrides = ["teacher.preset=myopic", "teacher.beta=perfect", "teacher.skip_below=-2e2", "teacher.callable=m:f"]
    teacher = load_config(minimal, overrides).teacher
    assert (teacher.beta, teacher.skip_below, teacher.callable) == ("perfect", -200.0, "m:f")
    lines = ["env: {id: a}", "teacher:", "  preset: myopic", "  beta: perfect", "  skip_below: -2e2", "  callable: m:f"]
    assert load_config(write("\n".join(lines))).teacher == teacher


def test_people_run_asynchronously_unless_asked_otherwise(write, minimal):
    path = write("mode: sync\nenv: {id: a}\n")
    assert load_config(path, ["teacher.preset=people"]).mode == "async"
    assert load_config(path, ["teacher.preset=people", "mode=sync"]).mode == "sync"  # refused by the validation
    assert load_config(path, ["teacher.preset=oracle"]).mode == "sync"
    with pytest.raises(ConfigError, match=r"labelling\.instruction"):
        load_config(path, ["labelling.instruction=' '"])


def test_schedules_and_source_weights_are_set_by_file_and_by_override_alike(write, minimal):
    overrides = [
        "preferences.schedule=stepped",
        "preferences.schedule_steps=[[20_000, 150], [60000, 250]]",
        "preferences.source_weights.anna=2",
        "preferences.source_weights.oracle=0.5",
    ]
    preferences = load_config(minimal, overrides).preferences
    assert preferences.schedule_steps == ((20000, 150), (60000, 250))
    assert preferences.source_weights == {"anna": 2.0, "oracle": 0.5}
    lines = ["env: {id: a}", "preferences:", "  schedule: stepped", "  schedule_steps:", "  - [20000, 150]"]
    lines += ["  - [60000, 250]", "  source_weights: {anna: 2, oracle: 0.5}"]
    config = load_config(write("\n".join(lines)))
    assert config.preferences == preferences
    assert load_config(write(dump_config(config))) == config
    assert load_config(minimal, ["preferences.schedule=a.b:c"]).preferences.schedule == "a.b:c"
    assert load_config(minimal, ["preferences.window=null"]).preferences.window is None


def test_text_needs_no_yaml_quotes_on_the_command_line(minimal):
    overrides = ["name=2024", "question=Why: is it # on?", "expect='80'", "output_dir=~/runs"]
    config = load_config(minimal, overrides)
    assert (config.name, config.question, config.expect) == ("2024", "Why: is it # on?", "80")
    assert config.output_dir == str(Path.home() / "runs")
    assert load_config(minimal, ["name=null", "question="]).name is None


def test_scientific_notation_in_a_file_is_a_number_and_quoted_it_is_text(write):
    path = write("env: {id: a}\ntraining: {rllib: {lr: 1e-3, eps: -.5E2, lambda: 1.0e3, tag: '1e-3', hex: 1e}}")
    assert load_config(path).training.rllib == {"lr": 0.001, "eps": -50.0, "lambda": 1000.0, "tag": "1e-3", "hex": "1e"}


def test_the_dump_is_plain_yaml_that_loads_back_equal(write):
    settings = {"lr": 1e-5, "text": "1e-3", "yes": "no", "deep": {"list": [1, None, True, "ü: #"]}}
    sections = {"env": {"id": "a", "horizon": 7}, "training": {"rllib": settings}, "reward": {"scale": 1e20}}
    config = RunConfig.model_validate({"question": "multi\nline: 'text'", **sections})
    dumped = dump_config(config)
    assert load_config(write(dumped)) == config
    assert "hidden_sizes: [64, 64]" in dumped
    assert dump_config(load_config(write(dumped))) == dumped


def test_what_yaml_cannot_hold_is_refused_at_the_dump(minimal):
    config = load_config(minimal)
    config.training.rllib["callback"] = object()
    with pytest.raises(ConfigError, match="cannot be written as YAML: not plain data"):
        dump_config(config)


def test_overriding_a_configuration_validates_afresh_and_leaves_the_first_alone(minimal):
    config = load_config(minimal, ["training.rllib.lr=1"])
    longer = override_config(config, ["training.env_steps=7", "training.rllib.lr=2"])
    assert (longer.training.env_steps, longer.training.rllib) == (7, {"lr": 2})
    assert (config.training.env_steps, config.training.rllib) == (100_000, {"lr": 1})
    with pytest.raises(ConfigError, match="seed: got -1"):
        override_config(config, ["seed=-1"])


def test_overrides_can_be_checked_without_a_configuration():
    check_overrides(["preferences.labels=500"])
    with pytest.raises(ConfigError, match="override 'oops': got no '='"):
        check_overrides(["preferences.labels=500", "oops"])
