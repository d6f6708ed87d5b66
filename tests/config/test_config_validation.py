"""Checks across keys: each contradiction by its message, on a configuration that is otherwise sound."""

import pytest

from rlhp_ray.config.loading import find_config, known_configs, load_config
from rlhp_ray.config.validation import require_own_preferences, validate_fitting, validate_gathering, validate_run
from rlhp_ray.errors import ConfigError, EnvironmentNotSupportedError

OF_MUJOCO = ("half_cheetah", "reacher")  # need the extra, which `make install` leaves out
STEPPED = ("preferences.schedule=stepped",)


@pytest.fixture
def load(tmp_path):
    def load_overridden(*overrides: str):
        path = tmp_path / "sound.yaml"
        path.write_text(f"output_dir: {tmp_path / 'runs'}\nenv: {{id: Pendulum-v1}}\n")
        return load_config(str(path), overrides)

    return load_overridden


def message(config, **kwargs) -> str:
    with pytest.raises(ConfigError) as caught:
        validate_run(config, **kwargs)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_a_sound_configuration_is_described(load):
    description = validate_run(load())
    assert (description.env_id, description.episode_steps) == ("Pendulum-v1", 200)


@pytest.mark.parametrize("name", known_configs())
def test_every_shipped_configuration_loads_and_says_what_to_expect(name):
    config = load_config(name)
    assert config.mode == ("async" if config.env.id.startswith("ALE/") else "sync")
    header = find_config(name).read_text(encoding="utf-8").splitlines()[:3]
    assert all(line.startswith("# ") for line in header)
    assert "Hardware:" in header[1] and "Time:" in header[1] and "Result to expect:" in header[2]


@pytest.mark.parametrize("name", known_configs())
def test_every_shipped_configuration_validates(name):
    if name in OF_MUJOCO:
        pytest.importorskip("mujoco")
    config = load_config(name)
    assert validate_run(config).env_id == config.env.id


def test_the_six_configurations_are_shipped():
    six = {"moving_dot", "moving_dot_pixels", "moving_dot_continuous", "pendulum", "acrobot", "cartpole"}
    assert six <= set(known_configs())


def test_next_observations_are_for_vectors_only(load):
    asked = "reward.inputs=obs_action_next_obs"
    assert validate_run(load(asked)).env_id == "Pendulum-v1"
    for network in ("auto", "cnn", "my_package:Own"):
        told = message(load(asked, "env.id=rlhp/MovingDotPixels-v0", f"reward.network={network}"))
        assert "reward.inputs: got obs_action_next_obs, but the observations" in told
        assert "are images, whose frames show motion by themselves; expected obs or obs_action;" in told


def test_an_unknown_environment_is_told_with_the_nearest(load):
    with pytest.raises(EnvironmentNotSupportedError, match=r"(?i)did you mean.*Pendulum-v1"):
        validate_run(load("env.id=Pendulun-v1"))


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["preferences.clip_steps=201"], "got 201, longer than an episode of Pendulum-v1; expected at most 200"),
        (["preferences.clip_steps=201", "env.horizon=null"], "expected at most 200 env steps"),
        (
            ["preferences.clip_steps=51", "env.horizon=50"],
            "expected at most 50 env steps; lower it or raise env.horizon",
        ),
        (["preferences.labels=0"], "preferences.labels: got 0 and no reward.load, so there is no reward to train on"),
        *(
            (
                [f"preferences.selection={name}", "reward.members=1"],
                f"got {name} with reward.members 1, but it compares",
            )
            for name in ("disagreement", "return_variance", "mutual_information", "k_centre_disagreement")
        ),
        (["training.env_steps=399"], "too few to fill 2 clips of 25 env steps in 16 environments"),
        (["training.env_steps=49", "env.num_envs=1"], "expected at least 50"),
        (["training.env_steps=799", "env.num_env_runners=2"], "in 32 environments"),
        (
            ["reward.network=mlpp"],
            "got 'mlpp', expected auto, mlp, mlp_heads, cnn, keypoint_cnn or module:Class; did you mean mlp?",
        ),
        (
            ["reward.network=cnn"],
            "got cnn, but the observations of Pendulum-v1 are vectors to the networks",
        ),
        (["reward.network=keypoint_cnn"], "expected mlp or mlp_heads; leave it out for the default, auto"),
        (["reward.network=mlp_heads"], "with the continuous actions of Pendulum-v1; expected discrete actions and"),
        (
            ["reward.network=mlp_heads", "env.id=rlhp/MovingDot-v0", "reward.inputs=obs"],
            "with reward.inputs obs; expected discrete actions and reward.inputs obs_action; choose mlp",
        ),
        (
            ["reward.network=mlp", "env.id=rlhp/MovingDotPixels-v0"],
            "are images to the networks; expected cnn or keypoint_cnn",
        ),
        (
            ["reward.network=m:Own", "reward.dropout=0.5"],
            "got 0.5 with reward.network m:Own, whose class has layers",
        ),
        (["reward.network=m:Own", "reward.batch_norm=true"], "reward.batch_norm: got true with reward.network m:Own"),
        (["reward.optimiser=rmsprop", "reward.beta1=0"], "reward.beta1: got 0.0 with reward.optimiser rmsprop"),
        (
            ["reward.warm_start=false", "reward.load=."],
            "and 300 labels, whose first round would forget what was loaded",
        ),
        (["reward.load=/nowhere"], "reward.load: got '/nowhere', a path that does not exist; expected a directory"),
        (["reward.load=/etc/hostname"], "reward.load: got '/etc/hostname', a file; expected a directory"),
        (["policy.load=/nowhere"], "policy.load: got '/nowhere', a path that does not exist; expected a directory"),
        (
            ["policy.load=/etc/hostname"],
            "policy.load: got '/etc/hostname', a file; expected a directory with a learnt p",
        ),
        (["preferences.load=/nowhere"], "preferences.load: got '/nowhere', a path that does not exist; expected the"),
        (["output_dir=/etc/hostname"], "output_dir: got '/etc/hostname', a file; expected a directory"),
        (
            ["preferences.schedule=constant", "preferences.decay_env_steps=500"],
            "got 500 with preferences.schedule constant, whose rate does not decay by it; expected null",
        ),
        (["preferences.schedule=a:b", "preferences.decay_env_steps=5"], "got 5 with preferences.schedule a:b, whose"),
        (["preferences.schedule=stepped"], "preferences.schedule_steps: got null with preferences.schedule stepped"),
        (["preferences.schedule_steps=[[5,6]]"], "got [[5, 6]] with preferences.schedule hyperbolic; expected null"),
        ([*STEPPED, "preferences.schedule_steps=[[9,200],[8,300]]"], "got [8, 300] after [9, 200]; expected env steps"),
        ([*STEPPED, "preferences.schedule_steps=[[9,200],[10,200]]"], "that both grow from pair to pair"),
        (
            [*STEPPED, "preferences.schedule_steps=[[9,200],[5000,301]]"],
            "got 301 queries by env step 5000, more than the budget; expected at most preferences.labels, 300; lower",
        ),
        (
            [*STEPPED, "preferences.schedule_steps=[[9,200],[100000,300]]"],
            "a step at env step 100000, which is never reached; expected less than training.env_steps, 100000",
        ),
        (["teacher.preset=random", "teacher.mistake=0.1"], "teacher.mistake: got 0.1 with teacher.preset random,"),
        (["teacher.preset=random", "teacher.reward_function=m:f"], "teacher.reward_function: got m:f with teacher"),
        (["teacher.preset=random", "teacher.equal=0"], "expected null; leave it out, or set teacher.preset=oracle"),
        (["teacher.preset=random", "teacher.callable=m:f"], "teacher.preset: got random with teacher.callable"),
        (
            ["teacher.preset=people", "teacher.beta=1"],
            "teacher.beta: got 1.0 with teacher.preset people, who answer as",
        ),
        (["teacher.preset=people", "mode=sync"], "mode: got sync with teacher.preset people, whose answers come when"),
        (["teacher.preset=skip", "teacher.callable=m:f"], "teacher.preset: got skip with teacher.callable, which"),
        (["teacher.callable=m:f", "teacher.beta=perfect"], "teacher.beta: got perfect with teacher.callable, which"),
        (["teacher.callable=m:f", "teacher.reward_function=m:g"], "teacher.reward_function: got m:g with teacher"),
        (["teacher.skip=0.1", "teacher.skip_below=5"], "teacher.skip: got 0.1 with teacher.skip_below 5.0, two"),
        (["teacher.equal=0.1", "teacher.equal_within=5"], "leave out one of the two"),
        (["teacher.reward_function=flip"], "teacher.reward_function: got 'flip', expected module:function; write the"),
        (["teacher.reward_function=my_package/tricks.py:flip"], "teacher.reward_function=my_package.tricks:backflip"),
        (["teacher.callable=m:f()"], "teacher.callable: got 'm:f()', expected module:function"),
        (["teacher.callable=:f"], "for example teacher.callable=my_package.tricks:judge"),
    ],
)
def test_a_contradiction_is_told_in_one_line(load, overrides, expected):
    told = message(load(*overrides))
    assert expected in told
    assert "\n" not in told


@pytest.mark.parametrize(
    "overrides",
    [
        ["preferences.clip_steps=200"],
        ["preferences.clip_steps=201", "env.horizon=201"],
        ["preferences.labels=0", "reward_source=true_reward"],
        ["preferences.labels=0", "reward.load=."],
        ["preferences.labels=0", "preferences.load=/etc/hostname"],
        ["policy.load=."],
        ["training.env_steps=400"],
        ["training.env_steps=50", "env.num_envs=1"],
        ["training.env_steps=1", "reward_source=true_reward"],
        ["preferences.selection=disagreement", "reward.members=2"],
        [*STEPPED, "preferences.schedule_steps=[[9,200],[99999,300]]"],
        [*STEPPED, "preferences.schedule_steps=[[1,1]]"],
        ["preferences.schedule=inverse_quadratic", "preferences.decay_env_steps=500"],
        ["preferences.schedule=a_package.of_nobodys:late"],
        ["reward.network=mlp"],
        ["reward.network=of_nobodys.networks:Own", "reward.output=tanh", "reward.inputs=obs"],
        ["reward.dropout=0.5", "reward.batch_norm=true", "reward.dropout_mask=separate"],
        ["reward.optimiser=adamw", "reward.beta1=0", "reward.patience=3", "reward.label_smoothing=0.1"],
        ["reward.optimiser=rmsprop", "reward.warm_start=false"],
        ["reward.load=.", "reward.warm_start=false", "preferences.labels=0"],
        ["reward.network=keypoint_cnn", "env.id=rlhp/MovingDotPixels-v0"],
        ["teacher.preset=random"],
        ["teacher.preset=skip", "teacher.skip_below=-200"],
        ["teacher.preset=myopic", "teacher.mistake=0.1", "teacher.skip=0.1", "teacher.equal_within=3"],
        ["teacher.preset=stoch", "teacher.reward_function=a_package.of_nobodys:backflip"],
        ["teacher.callable=of_nobodys:judge"],
        *([f"preferences.selection={name}", "reward.members=1"] for name in ("uniform", "entropy", "k_centre")),
        *([f"preferences.selection={name}", "reward.members=1"] for name in ("k_centre_entropy", "near_policy")),
    ],
)
def test_the_edge_of_what_is_sound_is_accepted(load, overrides):
    validate_run(load(*overrides))


def test_several_contradictions_are_all_listed(load):
    told = message(load("preferences.labels=0", "preferences.clip_steps=999", "reward.load=/nowhere"))
    assert told.splitlines()[0] == "configuration: 2 errors"  # a reward to load, though missing, explains 0 labels
    assert len(told.splitlines()) == 3


def test_auto_horizon_needs_an_environment_with_a_length(load):
    import gymnasium as gym

    gym.register("rlhp-test/Endless-v0", entry_point="gymnasium.envs.classic_control:PendulumEnv")
    try:
        told = message(load("env.id=rlhp-test/Endless-v0"))
        assert "rlhp-test/Endless-v0 has no episode length of its own; set env.horizon" in told
        assert validate_run(load("env.id=rlhp-test/Endless-v0", "env.horizon=60")).episode_steps is None
        validate_run(
            load(
                "env.id=rlhp-test/Endless-v0",
                "env.horizon=null",
                "preferences.clip_steps=1000",
                "training.env_steps=1000000",
            )
        )
    finally:
        del gym.registry["rlhp-test/Endless-v0"]


def test_a_run_directory_that_exists_is_kept_unless_it_is_resumed(load, tmp_path):
    kept = tmp_path / "runs" / "first" / "summary.json"
    kept.parent.mkdir(parents=True)
    kept.write_text("dear")
    told = message(load("name=first"))
    assert "exists and nothing is overwritten" in told
    assert f"rlhp resume {kept.parent}" in told
    assert kept.read_text() == "dear"
    validate_run(load("name=first"), new_run=False)
    validate_run(load("name=second"))


def test_a_run_that_goes_on_needs_its_preferences_no_more(load):
    validate_run(load("preferences.load=/nowhere"), new_run=False)


def test_what_is_loaded_is_found_from_any_directory(load, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = load("reward.load=made", "policy.load=../made", "preferences.load=/made")
    found = [config.reward.load, config.policy.load, config.preferences.load]
    assert found == [str(tmp_path / "made"), str(tmp_path.parent / "made"), "/made"]


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["preferences.labels=0"], "preferences.labels: got 0, nothing to gather; expected at least 1"),
        (
            ["teacher.preset=people"],
            "teacher.preset: got people, who are asked about clips that exist; expected",
        ),
        (["preferences.load=/x"], "preferences.load: got '/x'; expected null, since what is gathered is new"),
        (["reward.load=/x"], "reward.load: got '/x'; expected null"),
        (["teacher.preset=random", "teacher.mistake=0.1"], "teacher.mistake: got 0.1"),
    ],
)
def test_what_cannot_be_gathered_is_told(load, overrides, expected):
    with pytest.raises(ConfigError) as caught:
        validate_gathering(load(*overrides))
    assert expected in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([], "preferences.load: got null, nothing to fit to; expected the directory of a run"),
        (["preferences.load=/etc/hostname", "reward.load=/x"], "reward.load: got '/x'; expected null, since a reward"),
        (["preferences.load=/etc/hostname", "policy.load=/x"], "policy.load: got '/x'; expected null, since a reward"),
        (["preferences.load=/nowhere"], "preferences.load: got '/nowhere', a path that does not exist"),
    ],
)
def test_what_cannot_be_fitted_is_told(load, overrides, expected):
    with pytest.raises(ConfigError) as caught:
        validate_fitting(load(*overrides))
    assert expected in str(caught.value) and "\n" not in str(caught.value)


def test_labels_play_no_part_in_fitting(load):
    validate_fitting(load("preferences.load=/etc/hostname", "preferences.labels=0"))


def test_answers_are_shared_in_async_mode_alone(load):
    told = message(load("scope=sweep", "mode=sync"))
    assert "scope: got sweep with mode sync" in told and "set mode=async, or scope=trial" in told
    validate_run(load("scope=sweep", "mode=async"))
    validate_run(load("scope=sweep", "mode=sync", "reward_source=true_reward"))


def test_a_single_run_shares_with_nobody(load):
    with pytest.raises(ConfigError, match=r"scope: got sweep for a single run.* rlhp sweep CONFIG scope=sweep"):
        require_own_preferences(load("scope=sweep", "mode=async"))
    require_own_preferences(load("scope=sweep", "reward_source=true_reward"))
    require_own_preferences(load())


def test_checkpoints_by_time_are_for_async_mode_alone(load):
    told = message(load("training.checkpoint_interval_minutes=2.5", "mode=sync"))
    assert "training.checkpoint_interval_minutes: got 2.5 with mode sync" in told
    assert "expected null; set training.checkpoint_interval_env_steps, or mode=async" in told
    validate_run(load("training.checkpoint_interval_minutes=2.5", "mode=async"))
