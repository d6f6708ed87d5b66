"""Every metric of a run: its key, unit, meaning, and the range in which a healthy run keeps it.

The page `docs/metrics.md` is made from this table (`python -m rlhp_ray.metric_keys > docs/metrics.md`).
"""

from typing import NamedTuple

METRICS = "rlhp"  # under this key of RLlib's result dictionary
NOTICES = "rlhp_notices"  # beside it: texts that the user must see
RECOVERIES = "rlhp_recoveries"  # beside it: what died and was replaced since the last result, with seconds lost
DIAGNOSTICS = "rlhp_diagnostics"  # beside it: what diagnostics.json holds, or None
CHECKPOINT_SCORE = "rlhp_checkpoint_score"  # beside it, where Tune can sort by it: the interim evaluation's true return


class Bounds(NamedTuple):
    """A healthy range that is the same for every run; None where it is open. What leaves it is a condition of its own.

    The limits themselves belong to it.
    """

    low: float | None
    high: float | None

    def hold(self, value: float) -> bool:
        """Whether a value is within them."""
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    @property
    def text(self) -> str:
        """`above 0`, `below 0.05`."""
        ends = (("above", self.low), ("below", self.high))
        return " and ".join(f"{word} {limit:g}" for word, limit in ends if limit is not None)


class Metric(NamedTuple):
    """One metric.

    Args:
        key: its name.
        unit: of its values.
        meaning: what it is.
        healthy: its healthy range in words, beside the bounds.
        bounds: the part of that range that is checked while a run goes on (`health.range_watch`).
    """

    key: str
    unit: str
    meaning: str
    healthy: str = ""
    bounds: Bounds | None = None

    @property
    def healthy_text(self) -> str:
        """Bounds and words."""
        return "; ".join(filter(None, (self.bounds.text if self.bounds is not None else "", self.healthy)))


ENV_STEPS = "env_steps"
ITERATION = "iteration"
QUERIES = "queries"
LABELS = "labels"
LABELS_LOADED = "labels_loaded"
TIE_SHARE = "tie_share"
REWARD_VERSION = "reward_version"
TRUE_RETURN = "true_return_mean"
PREDICTED_RETURN = "predicted_return_mean"
EVALUATION_RETURN = "evaluation_true_return_mean"
EVALUATION_RETURN_STD = "evaluation_true_return_std"
EVALUATION_EPISODES = "evaluation_episodes"
REWARD_TRUE_CORRELATION = "reward_true_correlation"
REWARD_TRAINING_LOSS = "reward_training_loss"
REWARD_VALIDATION_LOSS = "reward_validation_loss"
REWARD_VALIDATION_ACCURACY = "reward_validation_accuracy"
REWARD_L2 = "reward_l2_coefficient"
ENSEMBLE_SPREAD = "ensemble_spread"
REWARD_MEAN = "predicted_reward_mean"
REWARD_STD = "predicted_reward_std"
MEMBER_MEAN = "member_{m}_reward_mean"
MEMBER_STD = "member_{m}_reward_std"
MEMBER_P05 = "member_{m}_reward_p05"
MEMBER_P50 = "member_{m}_reward_p50"
MEMBER_P95 = "member_{m}_reward_p95"
DRIFT_MEAN = "normaliser_drift_mean"
DRIFT_STD = "normaliser_drift_std"
CALIBRATION_ERROR = "calibration_error"
FRESH_ACCURACY = "fresh_pair_accuracy"
FRESH_PAIRS = "fresh_pairs"
FRESH_TRUE_RETURN = "fresh_true_return_mean"
PREDICTED_GAIN = "predicted_gain"
OBSERVATION_GAP = "observation_gap"
OBSERVATION_GAP_FITTING = "observation_gap_fitting"
ALARMS = "alarms"
POLICY_ENTROPY = "policy_entropy"
POLICY_KL = "policy_kl"
VALUE_EXPLAINED = "value_explained_variance"
ENV_STEPS_PER_SECOND = "env_steps_per_second"
TIME_ITERATION = "time_iteration_s"
TIME_SAMPLING = "time_sampling_s"
TIME_LEARNING = "time_learning_s"
TIME_FITTING = "time_fitting_s"
TIME_DIAGNOSTICS = "time_diagnostics_s"
TIME_WAITING = "time_waiting_s"
HELD_FOR_PEOPLE = "held_for_people"
TIME_EVALUATION = "time_evaluation_s"
TRAIN_SECONDS = "train_seconds"
FIT_LAG = "fit_lag_env_steps"
CLIPS_POOL = "clips_in_pool"
CLIPS_POOL_MEGABYTES = "clips_in_pool_mb"
CLIPS_PER_SECOND = "clips_per_second"
CLIPS_DROPPED = "clips_dropped"
CPU_SECONDS = "cpu_seconds"
WRITTEN = "written_mb"
MEMORY = "memory_mb"
MEMORY_TRIAL = "memory_trial_mb"
MEMORY_RUNNERS = "memory_env_runners_mb"
MEMORY_BUFFER = "memory_buffer_mb"
MEMORY_LEARNER = "memory_learner_mb"
UNHEALTHY = "unhealthy"
UNHEALTHY_ENTROPY_COLLAPSE = "unhealthy_entropy_collapse"
UNHEALTHY_ENTROPY_PLATEAU = "unhealthy_entropy_plateau"
UNHEALTHY_ACCURACY = "unhealthy_accuracy_at_chance"
UNHEALTHY_LABELS = "unhealthy_labels_stopped"
UNHEALTHY_CLIPS = "unhealthy_clips_stopped"
UNHEALTHY_SPEED = "unhealthy_speed_decays"
UNHEALTHY_MEMORY = "unhealthy_memory_grows"
UNHEALTHY_OVER_OPTIMISATION = "unhealthy_over_optimisation"
UNHEALTHY_OBSERVATIONS = "unhealthy_observations_differ"


def unhealthy_key(key: str) -> str:
    """Of the metric that is 1 while another one is out of its bounds."""
    return f"{UNHEALTHY}_{key}"


_MEASURED = (
    Metric(ENV_STEPS, "env steps", "Agent steps taken in all environments so far.", "grows to training.env_steps"),
    Metric(ITERATION, "-", "Training iterations so far, the initial collection included.", "-"),
    Metric(QUERIES, "queries", "Pairs asked so far; the budget is preferences.labels.", "follows the schedule"),
    Metric(LABELS, "labels", "Answers that can be trained on.", "close to queries; skips are the difference"),
    Metric(LABELS_LOADED, "labels", "Of preferences.load, which no query was spent on.", "-"),
    Metric(TIE_SHARE, "0 to 1", "Share of `equal` among this round's labels.", "below 0.7; 1 means nothing to tell"),
    Metric(REWARD_VERSION, "-", "Version of the reward that the env runners apply.", "grows with each round"),
    Metric(TRUE_RETURN, "true reward", "Mean true return of episodes finished in this iteration.", "rises"),
    Metric(PREDICTED_RETURN, "reward", "Mean predicted return of the same episodes.", "rises with the true return"),
    Metric(EVALUATION_RETURN, "true reward", "Mean true return of evaluation episodes.", "rises"),
    Metric(EVALUATION_RETURN_STD, "true reward", "Their standard deviation.", "-"),
    Metric(EVALUATION_EPISODES, "episodes", "Their number.", "-"),
    Metric(
        REWARD_TRUE_CORRELATION,
        "-1 to 1",
        "Spearman correlation of predicted and true return over recent clips.",
        "above 0.5; falling while the predicted return rises means over-optimisation",
    ),
    Metric(
        REWARD_TRAINING_LOSS,
        "nats",
        "Cross-entropy on the labels that members train on.",
        "0.69 is chance",
        Bounds(None, 0.69),
    ),
    Metric(REWARD_VALIDATION_LOSS, "nats", "Cross-entropy on each member's left-out labels.", "1.1 to 1.5 x training"),
    Metric(
        REWARD_VALIDATION_ACCURACY, "0 to 1", "Left-out decided labels predicted right.", "above 0.6; 0.5 is chance"
    ),
    Metric(REWARD_L2, "-", "Adaptive L2 coefficient, mean over members.", "off its bounds 1e-7 and 1e-3"),
    Metric(ENSEMBLE_SPREAD, "reward", "Mean over steps of the members' standard deviation.", "below 1 x reward.scale"),
    Metric(REWARD_MEAN, "reward", "Mean predicted reward over recent clips when published.", "0"),
    Metric(REWARD_STD, "reward", "Standard deviation of it.", "0.5 to 1 x reward.scale; less: members disagree"),
    Metric(MEMBER_MEAN, "-", "For each member m from 1: mean of its rewards before normalisation.", "anything"),
    Metric(MEMBER_STD, "-", "Their standard deviation.", "far from 0; near it, noise is blown up"),
    Metric(MEMBER_P05, "reward", "5 % quantile of its normalised rewards.", "about -1.6 x reward.scale, if normal"),
    Metric(MEMBER_P50, "reward", "Their median.", "about 0"),
    Metric(MEMBER_P95, "reward", "Their 95 % quantile.", "about 1.6 x reward.scale, if normal"),
    Metric(
        DRIFT_MEAN,
        "std",
        "Move of a member's mean on the same clips from the last version, in its last std; the largest of the members.",
        "below 1; with reward.warm_start=false anything",
    ),
    Metric(DRIFT_STD, "std", "The same of its std.", "below 0.3 after the first rounds"),
    Metric(
        CALIBRATION_ERROR,
        "0 to 1",
        "Expected calibration error of P' on held-out decided labels among the newest 64, in ten bins.",
        "below 0.2; so few labels alone make about 0.1",
    ),
    Metric(
        FRESH_ACCURACY,
        "0 to 1",
        "Pairs of unlabelled clips that the policy just made, ordered as by true return; ties left out.",
        "above 0.6; 0.5 is chance",
    ),
    Metric(FRESH_PAIRS, "pairs", "Their number, of at most 64 clips.", "2,016 without ties"),
    Metric(FRESH_TRUE_RETURN, "true reward", "Mean true return of these clips.", "rises"),
    Metric(
        PREDICTED_GAIN,
        "std",
        "Predicted return of these clips over that of the first round's, by the same version, in std of the latter.",
        "rises with the true return of the clips",
    ),
    Metric(
        OBSERVATION_GAP,
        "limits",
        "Distance of what policy and predictor were shown of the same steps, in its worst entry.",
        "0; alarm above 1",
    ),
    Metric(
        OBSERVATION_GAP_FITTING,
        "limits",
        "Distance of what the policy was shown from what the predictor is fitted to, in its worst entry.",
        "below 2; alarm above 4",
    ),
    Metric(ALARMS, "alarms", "Alarms that stand: observations differ, over-optimisation.", "0"),
    Metric(POLICY_ENTROPY, "nats", "Entropy of the policy.", "falls slowly; 0 is a collapse to one action"),
    Metric(POLICY_KL, "nats", "KL divergence of the update.", bounds=Bounds(None, 0.05)),
    Metric(VALUE_EXPLAINED, "up to 1", "Variance of returns that the value function explains.", bounds=Bounds(0, None)),
    Metric(ENV_STEPS_PER_SECOND, "env steps/s", "Env steps over train_seconds, from the start.", "steady"),
    Metric(TIME_ITERATION, "s", "This iteration without evaluation.", "steady"),
    Metric(TIME_SAMPLING, "s", "Collecting rollouts, RLlib's moving average.", "steady"),
    Metric(TIME_LEARNING, "s", "Updating the policy, RLlib's moving average.", "steady"),
    Metric(TIME_FITTING, "s", "Fitting the reward in its own process, this round.", "below time_iteration_s"),
    Metric(
        TIME_DIAGNOSTICS,
        "s",
        "Of it, calibration, fresh clips and drift.",
        "a tenth of time_fitting_s; more in short rounds",
    ),
    Metric(HELD_FOR_PEOPLE, "0 or 1", "Whether the policy waits for people's answers now.", "mostly 0"),
    Metric(
        TIME_WAITING,
        "s",
        "Policy waiting for labels or fitting, after the initial labelling, so far.",
        "0 in async mode; small in sync mode",
    ),
    Metric(TIME_EVALUATION, "s", "Evaluation in this iteration.", "-"),
    Metric(TRAIN_SECONDS, "s", "All iterations so far without evaluation and start-up.", "-"),
    Metric(FIT_LAG, "env steps", "Age of the clips behind the newest applied reward.", "about one iteration"),
    Metric(CLIPS_POOL, "clips", "Clips in the pool.", "up to preferences.pool_clips"),
    Metric(CLIPS_POOL_MEGABYTES, "MB", "Their compressed size.", "flat once the pool is full"),
    Metric(CLIPS_PER_SECOND, "clips/s", "Clips sent to the buffer in this iteration.", "steady"),
    Metric(CLIPS_DROPPED, "clips", "Clips lost because the buffer or the recorder was full, so far.", "0"),
    Metric(CPU_SECONDS, "s", "Processor time of trial, env runners, buffer and reward learner so far.", "-"),
    Metric(WRITTEN, "MB", "Sent to disks by the same processes so far; the driver's files come on top.", "-"),
    Metric(
        MEMORY,
        "MB",
        "Resident memory of the same processes together; pages that they share count in each.",
        "flat after warm-up",
    ),
    Metric(MEMORY_TRIAL, "MB", "Resident memory of the trial's process.", "flat after warm-up"),
    Metric(MEMORY_RUNNERS, "MB", "Of env runners in processes of their own, together.", "flat; 0 without any"),
    Metric(MEMORY_BUFFER, "MB", "Resident memory of the PreferenceBuffer.", "flat once the pool is full"),
    Metric(MEMORY_LEARNER, "MB", "Resident memory of the RewardLearner.", "flat once preferences.window is full"),
)

_CONDITIONS = (
    Metric(UNHEALTHY, "conditions", "Conditions that hold: the number of those below.", "0"),
    *(
        Metric(key, "0 or 1", f"Whether {what}.", "0")
        for key, what in (
            (UNHEALTHY_ENTROPY_COLLAPSE, "the policy has come to take one action"),
            (UNHEALTHY_ENTROPY_PLATEAU, "entropy is level from the first fifth of the run"),
            (UNHEALTHY_ACCURACY, "the reward predicts left-out labels no better than guessing does"),
            (UNHEALTHY_LABELS, "queries are due and no label comes"),
            (UNHEALTHY_CLIPS, "hardly a clip comes"),
            (UNHEALTHY_SPEED, "iterations take twice as long as at best"),
            (UNHEALTHY_MEMORY, "memory grows after buffers are full"),
            (UNHEALTHY_OVER_OPTIMISATION, "the over-optimisation alarm stands"),
            (UNHEALTHY_OBSERVATIONS, "an alarm about observations that differ stands"),
        )
    ),
    *(
        Metric(unhealthy_key(metric.key), "0 or 1", f"Whether `{metric.key}` left its range.", "0")
        for metric in _MEASURED
        if metric.bounds is not None
    ),
)
ALL_METRICS = (*_MEASURED, *_CONDITIONS)


def metric_keys(members: int) -> list[str]:
    """All keys, those of a member for each of them."""
    numbered = [[m.key.format(m=n) for n in range(1, members + 1)] if "{m}" in m.key else [m.key] for m in ALL_METRICS]
    return [key for keys in numbered for key in keys]


def metrics_page() -> str:
    """The table as Markdown."""
    rows = [f"| `{metric.key}` | {metric.unit} | {metric.meaning} | {metric.healthy_text} |" for metric in ALL_METRICS]
    made = "<!-- Made from rlhp_ray/metric_keys.py by `make docs`; change it there. -->"
    head = ["# Metrics", "", made, "", "In `metrics.csv` and TensorBoard, one row or point an iteration.", ""]
    return "\n".join([*head, "| key | unit | meaning | healthy |", "| --- | --- | --- | --- |", *rows])


if __name__ == "__main__":
    print(metrics_page())
