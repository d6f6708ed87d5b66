"""The configuration of one run: every key with its type, range, default, unit and source.

C17 is Christiano et al. 2017, *Deep Reinforcement Learning from Human Preferences* (arXiv 1706.03741). B-Pref is Lee et
al. 2021, *B-Pref: Benchmarking Preference-Based Reinforcement Learning* (arXiv 2111.03026). An env step is an agent
step: `frame_skip` raw steps of the environment.
"""

import os.path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field


def _list_to_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


PositiveInt = Annotated[int, Field(ge=1)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegativeFloat = Annotated[float, Field(ge=0, allow_inf_nan=False)]
FiniteFloat = Annotated[float, Field(allow_inf_nan=False)]
Probability = Annotated[float, Field(ge=0, le=1)]
CheckRate = Annotated[float, Field(ge=0, le=0.3)]  # three kinds together leave pairs to learn from
ShareBelowOne = Annotated[float, Field(ge=0, lt=1)]
Discount = Annotated[float, Field(gt=0, le=1)]
FunctionName = Annotated[str, Field(min_length=1)]  # module:function; config.validation checks the form
FunctionPattern = Annotated[
    str,
    Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$", json_schema_extra={"words": "module:function"}),
]
SchedulePoint = Annotated[tuple[PositiveInt, PositiveInt], BeforeValidator(_list_to_tuple)]
SchedulePoints = Annotated[tuple[SchedulePoint, ...], BeforeValidator(_list_to_tuple), Field(min_length=1)]
SourceWeight = Annotated[float, Field(ge=0.001, le=1000)]  # never 0, which stands for a label that is held out
HiddenSizes = Annotated[tuple[PositiveInt, ...], BeforeValidator(_list_to_tuple), Field(min_length=1)]
Trackers = Annotated[tuple[Literal["mlflow", "wandb"], ...], BeforeValidator(_list_to_tuple)]
Instruction = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"\S")]
RunName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=200)]
# The shell leaves the tilde of `output_dir=~/runs` alone; unexpanded, it would make a directory called "~".
PathText = Annotated[str, Field(min_length=1), AfterValidator(os.path.expanduser)]
# A trial runs in a directory of its own, and a run may be resumed from another one than it was started in.
LoadPath = Annotated[PathText, AfterValidator(os.path.abspath)]


PEOPLE = "people"  # teacher.preset: no simulated teacher


class _Section(BaseModel):
    """Frozen, refuses unknown keys, and converts no types (but an integer may stand for a float)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, validate_default=True)


class EnvConfig(_Section):
    """The environment, and how many of it run side by side."""

    id: str = Field(min_length=1, description="Gymnasium id of the environment.", examples=["Pendulum-v1"])
    num_envs: PositiveInt = Field(
        default=16, description="Sub-environments that one env runner steps together, as one vector environment."
    )
    num_env_runners: int = Field(
        default=0, ge=0, description="Env runner processes (RLlib); 0 collects in the trial's own."
    )
    frame_skip: PositiveInt | None = Field(
        default=None, description="Raw steps in one env step (C17 A.2: 4 on Atari); null is the environment's own."
    )
    horizon: PositiveInt | Literal["auto"] | None = Field(
        default="auto",
        description="Env steps of the fixed-length episodes in which the environment's own ends are hidden (C17 A.1, "
        "A.2); auto is the environment's own episode length, on Atari 1,000; null leaves episode ends visible.",
    )
    termination_penalty: float = Field(
        default=0.0,
        ge=0,
        allow_inf_nan=False,
        description="Charged to the teacher's reward at each hidden termination, in units of the true reward (C17 A.1, "
        "which gives no figure; A.2: none on Pong).",
    )
    score_mask: Literal["auto", "required", "off"] = Field(
        default="auto",
        description="Atari: auto blanks the score where a mask of the game is known, and warns where none is; required "
        "refuses such a game; off shows it (C17 A.2 blanks it: it would tell the reward).",
    )


class TrainingConfig(_Section):
    """The policy and its training in RLlib."""

    algorithm: Literal["PPO"] = Field(
        default="PPO",
        description="RLlib's algorithm.",
        json_schema_extra={"advice": "off-policy algorithms (SAC, DQN) stay refused until replays are relabelled"},
    )
    env_steps: PositiveInt = Field(
        default=100_000, description="Length of the training, in env steps over all environments."
    )
    checkpoint_interval_env_steps: PositiveInt | None = Field(
        default=None, description="Env steps from one checkpoint to the next; null is a tenth of training.env_steps."
    )
    checkpoint_interval_minutes: PositiveFloat | None = Field(
        default=None,
        description="Minutes from one checkpoint to the next at most, where env steps come slowly: whichever interval "
        "ends first. These checkpoints are not evaluated. Refused in sync mode.",
    )
    checkpoints_kept: PositiveInt = Field(
        default=2, description="How many of the best checkpoints by true return are kept; the last one always is."
    )
    rllib: dict[str, Any] = Field(
        default_factory=dict,
        description="Any setting of RLlib's AlgorithmConfig by its name, passed through.",
        examples=[{"lr": 0.0003}],
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto",
        description="What the policy's convolutions compute in while it learns, its weights being float32: auto is "
        "bfloat16 where the processor has instructions for it (avx512_bf16, amx_bf16), else float32.",
    )
    hidden_sizes: HiddenSizes = Field(
        default=(64, 64),
        description="Units of each hidden layer of the policy and of the value network (C17 A.1: 64, 64).",
    )


class PreferencesConfig(_Section):
    """Which clips are compared, how many queries are asked, and when."""

    labels: int = Field(
        default=300, ge=0, description="Budget of queries; skipped ones spend it (C17 A: 350 to 5,500)."
    )
    clip_steps: int = Field(default=25, ge=2, description="Length of a clip, in env steps (C17 A.2: 25; A.1: 1.5 s).")
    selection: Literal[
        "uniform",
        "disagreement",
        "return_variance",
        "entropy",
        "k_centre",
        "k_centre_disagreement",
        "k_centre_entropy",
        "mutual_information",
        "near_policy",
    ] = Field(
        default="uniform",
        description="How pairs are chosen. uniform: at random (Rahtz). Where the members differ most: disagreement, in "
        "the probability of left (C17 s2.2.4); return_variance, in the difference of returns; mutual_information, in "
        "what the answer says of them (BALD, arXiv 1112.5745). entropy: where the ensemble is least sure (B-Pref, "
        "arXiv 2111.03026). k_centre: farthest from what was asked; k_centre_disagreement, k_centre_entropy: the same, "
        "among the better half of the candidates (B-Pref). near_policy: from the newest behaviour (QPA, arXiv "
        "2305.17400).",
    )
    schedule: Literal["constant", "hyperbolic", "inverse_quadratic", "stepped"] | FunctionPattern = Field(
        default="hyperbolic",
        description="Label rate over env steps T after the initial share: constant (Rahtz); hyperbolic, proportional "
        "to decay / (T + decay) (C17 A.1, A.2); inverse_quadratic, to its square; stepped, as in schedule_steps; or a "
        "function (progress 0 to 1) -> share of the later queries due by then. All meet labels exactly.",
        examples=["my_package.tricks:soon"],
    )
    schedule_steps: SchedulePoints | None = Field(
        default=None,
        description="For stepped: pairs [env steps, queries in all by then], both growing; what they leave of labels "
        "is asked at the end; null for every other schedule.",
        examples=[[[20000, 150], [60000, 250]]],
    )
    initial_fraction: float = Field(
        default=0.25,
        gt=0,
        le=1,
        description="Share of the queries asked about the untrained policy's clips (C17 A.1: 0.25; A.2: 500 labels).",
    )
    decay_env_steps: PositiveInt | None = Field(
        default=None,
        description="Env steps after which a hyperbolic label rate has halved, and an inverse_quadratic one fallen to "
        "a quarter (C17 A.1: 2e6, A.2: 5e6 frames); null is a fifth of training.env_steps.",
    )
    pool_clips: int = Field(default=1000, ge=2, description="Most recent clips kept to choose pairs from.")
    window: PositiveInt | None = Field(
        default=3000, description="The reward is fitted to the newest labels, this many (C17 A.2: 3,000); null is all."
    )
    source_weights: dict[str, SourceWeight] = Field(
        default_factory=dict,
        description="By what the loss of each label is multiplied, by its source as stored; others count 1.",
        examples=[{"human:alice": 2.0}],
    )
    load: LoadPath | None = Field(
        default=None,
        description="Saved preferences to start with, which spend no query: a run, a preference database or an export; "
        "null starts without.",
    )


class TeacherConfig(_Section):
    """Who answers the queries; keys that are not null change the preset. S is a clip's true return, d a threshold."""

    preset: Literal["oracle", "stoch", "myopic", "mistake", "skip", "equal", "random", "people"] = Field(
        default="oracle",
        description="The teachers of B-Pref s4: oracle prefers the clip with the higher true return, ties are equal "
        "(C17 s3.1); stoch is beta 1, myopic gamma 0.9, mistake, skip and equal each 0.1; random tosses a coin, the "
        "negative control; people answer on a page in the browser, in async mode.",
    )
    beta: PositiveFloat | Literal["perfect"] | None = Field(
        default=None,
        description="Rationality, per unit of true return: P(left) = sigmoid(beta (R_left - R_right)); perfect never "
        "errs; null is the preset's.",
    )
    gamma: Discount | None = Field(
        default=None,
        description="Discount per env step, backwards from a clip's newest step, of the returns R that are compared; "
        "1 counts all steps alike; null is the preset's.",
    )
    mistake: Probability | None = Field(
        default=None, description="Chance of saying left for right and right for left; null is the preset's."
    )
    skip: NonNegativeFloat | None = Field(
        default=None,
        description="Skips where both S are below d = this share of the mean S of recent clips, recomputed at each "
        "round of queries; off, with a warning, where that is not positive; null is the preset's.",
    )
    equal: NonNegativeFloat | None = Field(
        default=None,
        description="Says equal, after any mistake, where the two S differ by less than d = this share of the mean S "
        "of recent clips, as for skip; null is the preset's.",
    )
    skip_below: FiniteFloat | None = Field(
        default=None, description="The d of skip, in units of true return, instead of a share; null uses the share."
    )
    equal_within: NonNegativeFloat | None = Field(
        default=None, description="The d of equal, in units of true return, instead of a share; null uses the share."
    )
    reward_function: FunctionName | None = Field(
        default=None,
        description="module:function with (observations, actions) or, for Atari, (observations, actions, ram) -> "
        "rewards [clip_steps], by which the teacher judges instead of the environment's reward; null is the "
        "environment's.",
        examples=["my_package.tricks:backflip"],
    )
    callable: FunctionName | None = Field(
        default=None,
        description="module:function with (left, right, rng) -> left, right, equal or skip, which answers by itself; "
        "null is the preset.",
        examples=["my_package.tricks:judge"],
    )


class LabellingConfig(_Section):
    """How people are asked, with `teacher.preset` people."""

    instruction: Instruction = Field(
        default="Which of the two clips is better?", description="What people are asked, at the head of the page."
    )
    patience_seconds: PositiveFloat = Field(
        default=600.0,
        description="Without any answer for so long, the run goes on with the labels it has; before the first "
        "answer it waits.",
    )
    own_page: bool = Field(
        default=True,
        description="Whether the run serves the page itself, on loopback; false leaves it to rlhp label, which can "
        "serve it to other machines (docs/labelling_security.md).",
    )
    repeat_rate: CheckRate = Field(
        default=0.0,
        description="Share of the pairs shown to a person that they have answered before, now with the sides swapped: "
        "how consistent they are (docs/labelling_quality.md). Nothing is learnt from the second answer.",
    )
    overlap_rate: CheckRate = Field(
        default=0.0,
        description="Share of the pairs shown to a person that somebody else has answered: how far people agree. "
        "Nothing is learnt from the second answer.",
    )
    gold: LoadPath | None = Field(
        default=None,
        description="Saved preferences of somebody who knows, as a run, a preference database or an export: pairs by "
        "which everybody's error rate is estimated; null has none.",
    )
    gold_rate: CheckRate = Field(
        default=0.05, description="Share of the pairs shown to a person that are gold; 0 shows none."
    )


class RewardConfig(_Section):
    """The ensemble that predicts the reward, and its fitting."""

    members: PositiveInt = Field(
        default=3, description="Networks of the ensemble, each on its own bootstrap (C17 A: 3)."
    )
    hidden_sizes: HiddenSizes = Field(
        default=(64, 64), description="Units of each hidden layer of a member (C17 A.1: 64, 64); the cnn has its own."
    )
    network: str = Field(
        default="auto",
        description="What a member is. For vectors: mlp (C17 A.1), or mlp_heads, which has an output for each discrete "
        "action (docs/results/first_results.md says where it helped). For images: cnn (C17 A.2), or keypoint_cnn, "
        "which sees where each filter responds most, and where that changes: for few labels on scenes of small moving "
        "things. auto is mlp or cnn. Or module:Class, an nn.Module of your own for one member (docs/pipeline.md).",
    )
    inputs: Literal["obs", "obs_action", "obs_action_next_obs"] = Field(
        default="obs_action",
        description="What a reward is a function of: the observation alone; observation and action; or these and the "
        "observation that the action led to, for vectors only.",
    )
    dropout: ShareBelowOne = Field(
        default=0.0,
        description="Share of hidden units dropped while fitting; of the cnn, after its convolutions (C17 A.2: 0.5).",
    )
    dropout_mask: Literal["shared", "separate"] = Field(
        default="shared",
        description="shared drops the same units in both clips of a pair, so that equal clips are judged equal; "
        "separate does not.",
    )
    batch_norm: bool = Field(
        default=False,
        description="Batch norm of what dropout applies to (C17 A.2: yes); both clips of a pair share its statistics.",
    )
    output: Literal["linear", "tanh"] = Field(
        default="linear", description="Last layer of a member: linear, or tanh for rewards in (-1, 1) (PEBBLE)."
    )
    optimiser: Literal["adam", "adamw", "rmsprop"] = Field(
        default="adam",
        description="What follows the gradient; adaptive L2 is part of the gradient, but of adamw a shrinking after "
        "each step.",
    )
    beta1: ShareBelowOne = Field(
        default=0.9, description="Momentum of adam and adamw; 0 forgets, for a target that moves."
    )
    learning_rate: PositiveFloat = Field(default=1e-3, description="Step size of the optimiser, per gradient step.")
    batch_pairs: PositiveInt = Field(default=32, description="Pairs of clips in one gradient step.")
    pretraining_epochs: PositiveInt = Field(
        default=50, description="Passes over the initial labels before the policy learns (C17 A.2: 200)."
    )
    epochs_per_round: PositiveInt = Field(
        default=8, description="Passes over the labels in each later round of fitting."
    )
    pairs_per_round: PositiveInt | None = Field(
        default=None,
        description="At most this many labelled pairs presented in a later round, passes counted together (C17 A.2: "
        "about one per 10 env steps); null sets no limit.",
    )
    round_interval_env_steps: PositiveInt | None = Field(
        default=None,
        description="Env steps from one round of queries and fitting to the next, at the least; null is one iteration "
        "of training. A round also scores some hundred clips, which takes its time where frames are large.",
    )
    response_error: ShareBelowOne = Field(
        default=0.1,
        description="e in P' = (1 - e) P + e / 2: the share of answers taken to be given at random (C17 s2.2.3: 0.1). "
        "Where a share q of the answers is wrong, e is 2 q.",
    )
    label_smoothing: ShareBelowOne = Field(
        default=0.0, description="s in the target mu' = (1 - s) mu + s / 2 of each label mu, left 1 and right 0."
    )
    patience: PositiveInt | None = Field(
        default=None,
        description="Epochs without a lower validation loss, mean over members, after which a round stops and goes "
        "back to its best epoch; null never stops.",
    )
    warm_start: bool = Field(
        default=True,
        description="Whether each round goes on from the last weights; if not, weights and optimiser begin anew.",
    )
    num_gpus: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.25,
        description="Share of a GPU that the predictor reserves where device comes to one; the policy takes the rest "
        "of it, unless training.rllib.num_gpus_per_learner says otherwise.",
    )
    scale: PositiveFloat = Field(
        default=1.0, description="Standard deviation of the predicted reward, per env step (C17 A.1: 1; A.2: 0.05)."
    )
    centred: bool = Field(
        default=False,
        description="Take the mean of each rollout off its predicted rewards (Naik et al. 2024, arXiv 2405.09999): for "
        "episodes of fixed length and discounts near 1, where a drifting mean drowns the value function.",
    )
    load: LoadPath | None = Field(
        default=None, description="Directory of a learnt reward to start from; null learns afresh."
    )


class PolicyConfig(_Section):
    """What the policy starts from; its network and training are in `training`."""

    load: LoadPath | None = Field(
        default=None,
        description="Directory of a trained policy to start from: a run, a checkpoint or its inference export; null "
        "starts untrained.",
    )


class EvaluationConfig(_Section):
    """How the trained policy is judged."""

    episodes: PositiveInt = Field(default=100, description="Episodes of the final evaluation on the true reward.")
    actions: Literal["greedy", "sampled"] = Field(
        default="greedy",
        description="greedy takes the most probable action (the mean of a continuous one); sampled draws it, as in "
        "training. A greedy policy in a game without chance may lose the same point in the same way for ever. "
        "Evaluations, the run's video, and rlhp replay unless told otherwise.",
    )
    max_episode_steps: PositiveInt | None = Field(
        default=None,
        description="Env steps after which an evaluation's episode is cut, its return counted as it is then (a game of "
        "Atari may last 27,000); null is the environment's own limit.",
    )

    @property
    def samples_actions(self) -> bool:
        """Whether actions are drawn."""
        return self.actions == "sampled"


class RunConfig(_Section):
    """One run, whole."""

    name: RunName | None = Field(
        default=None, description="Directory of the run in output_dir; null makes a fresh one.", examples=["first-try"]
    )
    question: str | None = Field(default=None, description="The question that this run answers, for the archive.")
    expect: str | None = Field(default=None, description="The result you expect, written down before the run.")
    seed: int = Field(default=0, ge=0, description="The one seed that every random number of the run is derived from.")
    mode: Literal["async", "sync"] = Field(
        default="async",
        description="sync interleaves steps, labels and fitting reproducibly; async never makes the policy wait.",
    )
    scope: Literal["trial", "sweep"] = Field(
        default="trial",
        description="Who shares queries and answers: trial, nobody; sweep, in async mode, all runs of a sweep "
        "(docs/sweeps.md): preferences.labels is then the budget of them together, and each learns from every answer.",
    )
    reward_source: Literal["preferences", "true_reward"] = Field(
        default="preferences", description="What the policy is trained on; true_reward is the baseline."
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto",
        description="Where policy and predictor are trained: auto is a GPU where there is one and observations are "
        "frames, else the CPU; cuda without a GPU is refused. Rollouts stay on the CPU.",
    )
    output_dir: PathText = Field(default="runs", description="Directory that holds the runs.")
    tracking: Trackers = Field(
        default=(),
        description="MLflow or Weights & Biases, to record the run there, too; their environment variables say where.",
        examples=[["mlflow"]],
    )
    env: EnvConfig
    training: TrainingConfig = Field(default_factory=TrainingConfig)
    preferences: PreferencesConfig = Field(default_factory=PreferencesConfig)
    teacher: TeacherConfig = Field(default_factory=TeacherConfig)
    labelling: LabellingConfig = Field(default_factory=LabellingConfig)
    reward: RewardConfig = Field(default_factory=RewardConfig)
    policy: PolicyConfig = Field(default_factory=PolicyConfig)
    evaluation: EvaluationConfig = Field(default_factory=EvaluationConfig)

    @property
    def shares_preferences(self) -> bool:
        """Whether it is one of several runs that ask for answers together."""
        return self.scope == "sweep" and self.reward_source == "preferences"
