"""What Prometheus scrapes of a trial, over HTTP, and the dashboard that draws it."""

import json
import re
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray
from ray.util import list_named_actors

from rlhp_ray.config.loading import load_config
from rlhp_ray.metric_keys import ALL_METRICS
from rlhp_ray.policy.algorithm_config import build_algorithm_config
from rlhp_ray.policy.exported_metrics import EXPORTED, PANELS
from rlhp_ray.policy.grafana_dashboard import dashboard, dashboard_text

ROOT = Path(__file__).resolve().parents[2]
MAX_SECONDS = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Where a small Ray of this machine lets its metrics be scraped."""
    number = free_port()
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=100_000_000,
        _metrics_export_port=number,
        _system_config={"metrics_report_interval_ms": 500},
    )
    yield number
    ray.shutdown()


def scrape(port: int, wanted: set[str]) -> str:
    """The text of the endpoint, once it holds all that is wanted; Ray hands them on one by one."""
    text, deadline = "", time.monotonic() + MAX_SECONDS
    while not all(f"ray_rlhp_{key}{{" in text for key in wanted) and time.monotonic() < deadline:
        time.sleep(0.2)
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=MAX_SECONDS) as answer:
                text = answer.read().decode()
        except urllib.error.URLError:
            continue  # it does not listen yet
    return text


def test_a_trial_can_be_scraped_with_its_tags(port: int) -> None:
    small = ["training.rllib.train_batch_size_per_learner=400", "preferences.labels=12", "env.num_envs=4", "seed=3"]
    trial = build_algorithm_config(load_config("pendulum", small)).build_algo()
    try:
        for _ in range(3):
            metrics = trial.train()["rlhp"]
        name = Path(trial.logdir).name
        assert repr(trial) == f"Trial:{name}"
        assert sorted(list_named_actors()) == [f"PreferenceBuffer:{name}", f"RewardLearner:{name}"]
        assert repr(trial.env_runner_group.local_env_runner) == f"EnvRunner-0:{name}"
        expected = {key for key in EXPORTED if key in metrics}
        found = scrape(port, expected)
        tags = dict(re.findall(r"^ray_rlhp_(\w+)\{(.*)\} \S+$", found, re.MULTILINE))
        values = dict(re.findall(r"^ray_rlhp_(\w+)\{.*\} (\S+)$", found, re.MULTILINE))
    finally:
        trial.stop()
    for tag in (f'run="{name}"', 'trial="-"', 'env="Pendulum-v1"', 'seed="3"'):
        assert tag in tags["env_steps"]
    assert float(values["queries"]) == metrics["queries"] > 0
    assert set(tags) == expected, "all of the chosen ones, and no other"
    assert {"policy_entropy", "memory_mb", "fit_lag_env_steps", "reward_validation_accuracy"} <= set(tags)


def test_what_is_exported_is_known_and_bounded() -> None:
    assert set(EXPORTED) <= {metric.key for metric in ALL_METRICS}
    assert len(set(EXPORTED)) == len(EXPORTED) < 40


def test_the_grafana_file_is_current() -> None:
    assert (ROOT / "cluster" / "grafana_dashboard.json").read_text() == dashboard_text() + "\n", "run `make docs`"


def test_every_panel_draws_exported_metrics_alone() -> None:
    panels = json.loads(dashboard_text())["panels"]
    assert [panel["title"] for panel in panels] == [panel.title for panel in PANELS]
    drawn = [re.match(r"ray_rlhp_(\w+)\{", target["expr"]) for panel in panels for target in panel["targets"]]
    assert [match and match.group(1) for match in drawn] == list(EXPORTED)
    places = [tuple(panel["gridPos"].values()) for panel in panels]
    assert len(set(places)) == len(places), "none lies on another"


def test_runs_and_environments_are_chosen_at_the_top() -> None:
    names = [variable["name"] for variable in dashboard()["templating"]["list"]]
    assert names == ["datasource", "env", "run"]
