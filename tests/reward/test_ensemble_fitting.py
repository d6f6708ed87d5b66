"""Fitting: learns what labels tell, nothing where they tell nothing, each member from its own share of them."""

import math
from dataclasses import replace
from io import BytesIO

import gymnasium as gym
import numpy as np
import pytest
import torch

from rlhp_ray.clips.clip import ClipArrays
from rlhp_ray.errors import RewardDataError
from rlhp_ray.reward import ensemble_fitting
from rlhp_ray.reward.ensemble import RewardEnsemble
from rlhp_ray.reward.ensemble_fitting import EnsembleFitter
from rlhp_ray.reward.labelled_pairs import LabelledPairs, bootstrap_weights

STEPS = 8


def random_clips(rng: np.random.Generator, num_clips: int) -> ClipArrays:
    return ClipArrays(
        rng.uniform(-1, 1, (num_clips, STEPS, 3)).astype(np.float32), rng.integers(0, 2, (num_clips, STEPS))
    )


def true_rewards(clips: ClipArrays) -> np.ndarray:
    """A linear reward of observation and action, `[num_clips, STEPS]`."""
    return clips.observations @ np.array([1.0, -2.0, 0.5]) + 1.5 * (clips.actions == 1)


def labelled(num_pairs: int, seed: int = 0, mu_left: np.ndarray | None = None) -> LabelledPairs:
    """Random pairs, labelled by the linear reward unless labels are given."""
    rng = np.random.default_rng(seed)
    left, right = random_clips(rng, num_pairs), random_clips(rng, num_pairs)
    if mu_left is None:
        mu_left = true_rewards(left).sum(1) > true_rewards(right).sum(1)
    every_1 = np.ones(num_pairs, np.float32)
    return LabelledPairs(left, right, np.asarray(mu_left, np.float32), np.arange(num_pairs), every_1)


def coin_flips(num_pairs: int) -> np.ndarray:
    return np.random.default_rng(99).integers(0, 2, num_pairs)


def fitter_of(ensemble: RewardEnsemble, learning_rate: float = 3e-3, batch_pairs: int = 32, seed: int = 0):
    return EnsembleFitter(ensemble, learning_rate, batch_pairs, seed)


def weights_of(ensemble: RewardEnsemble, member: int | None = None) -> dict[str, np.ndarray]:
    weights = ensemble.published().weights
    return weights if member is None else {name: weight[member] for name, weight in weights.items()}


def same(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> bool:
    return all(np.array_equal(first[name], second[name]) for name in first)


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.corrcoef(first.argsort().argsort(), second.argsort().argsort())[0, 1])


def test_a_linear_reward_is_learnt_from_preferences(make_spec):
    ensemble = RewardEnsemble(make_spec())
    fresh = random_clips(np.random.default_rng(1), 50)
    truth = true_rewards(fresh).ravel()

    def correlations() -> list[float]:
        return [rank_correlation(member.ravel(), truth) for member in ensemble.member_rewards_of_clips(fresh)]

    assert max(map(abs, correlations())) < 0.8
    metrics = fitter_of(ensemble).fit(labelled(300), epochs=30, round_index=0)
    assert min(correlations()) > 0.9
    assert metrics.validation_accuracy > 0.85 and metrics.num_labels == 300
    assert metrics.training_loss < metrics.validation_loss < math.log(2)


def test_nothing_is_learnt_from_coin_flips(make_spec):
    """The negative control: left-out labels are predicted no better than by chance."""
    num_pairs = 600
    held_out = (bootstrap_weights(0, np.arange(num_pairs), 3) == 0).sum(axis=1).mean()
    metrics = fitter_of(RewardEnsemble(make_spec())).fit(labelled(num_pairs, mu_left=coin_flips(num_pairs)), 10, 0)
    assert abs(metrics.validation_accuracy - 0.5) < 4 * math.sqrt(0.25 / held_out)
    assert metrics.validation_loss > math.log(2) - 0.01


def test_ties_pull_predicted_returns_together(make_spec):
    ensemble, pairs = RewardEnsemble(make_spec()), labelled(60, mu_left=np.full(60, 0.5))

    def distance() -> float:
        sides = [ensemble.member_rewards_of_clips(side).sum(-1) for side in (pairs.left, pairs.right)]
        return float(np.abs(sides[0] - sides[1]).mean())

    before = distance()
    metrics = fitter_of(ensemble).fit(pairs, 20, 0)
    assert distance() < 0.5 * before
    assert math.isnan(metrics.validation_accuracy)  # nothing decided to predict


@pytest.mark.parametrize("member", [0, 1, 2])
def test_training_all_members_at_once_equals_training_one_alone(make_spec, monkeypatch, member):
    together, alone = RewardEnsemble(make_spec()), RewardEnsemble(make_spec(members=1))
    start = together.published()
    alone.load(replace(alone.published(), weights={name: w[member : member + 1] for name, w in start.weights.items()}))
    pairs = labelled(100)
    fitter_of(together).fit(pairs, epochs=4, round_index=0)

    own = bootstrap_weights(0, pairs.query_index, 3)[member : member + 1]
    monkeypatch.setattr(ensemble_fitting, "bootstrap_weights", lambda *_: own)
    fitter_of(alone).fit(pairs, epochs=4, round_index=0)

    fresh = random_clips(np.random.default_rng(1), 10)

    def centred(ensemble: RewardEnsemble) -> np.ndarray:
        """Preferences tell rewards up to a constant: the gradient of the last bias is rounding alone."""
        rewards = ensemble.member_rewards_of_clips(fresh)
        return rewards - rewards.mean(axis=(1, 2), keepdims=True)

    both = centred(together)
    np.testing.assert_allclose(centred(alone)[0], both[member], atol=1e-4)
    moved = both - centred(RewardEnsemble(make_spec()))
    assert np.abs(moved).max() > 0.05


def test_members_train_on_their_own_share_alone(make_spec):
    """Turning round the labels that a member's bootstrap left out does not move that member, but the others."""
    pairs = labelled(60)
    left_out = bootstrap_weights(0, pairs.query_index, 3)[1] == 0
    turned = replace(pairs, mu_left=np.where(left_out, 1 - pairs.mu_left, pairs.mu_left))
    ensembles = []
    for data in (pairs, turned):
        ensembles.append(RewardEnsemble(make_spec()))
        fitter_of(ensembles[-1]).fit(data, epochs=1, round_index=0)
    first, second = ensembles
    assert same(weights_of(first, 1), weights_of(second, 1))
    assert not same(weights_of(first, 0), weights_of(second, 0))
    assert not same(weights_of(first, 2), weights_of(second, 2))


def test_the_order_of_minibatches_follows_seed_and_round(make_spec):
    def fitted(seed: int, round_index: int) -> dict[str, np.ndarray]:
        ensemble = RewardEnsemble(make_spec())
        fitter_of(ensemble, batch_pairs=8, seed=seed).fit(labelled(40), 1, round_index)
        return weights_of(ensemble)

    assert same(fitted(0, 0), fitted(0, 0))
    assert not same(fitted(0, 0), fitted(0, 1))
    assert not same(fitted(0, 0), fitted(1, 0))


def test_metrics_are_those_of_a_plain_computation(make_spec):
    """With a vanishing learning rate: losses and accuracy of the initial weights, member by member."""
    ensemble, pairs = RewardEnsemble(make_spec()), labelled(80)
    metrics = fitter_of(ensemble, learning_rate=1e-12).fit(pairs, 1, 0)
    weights = bootstrap_weights(0, pairs.query_index, 3)
    left, right = (ensemble.member_rewards_of_clips(side).sum(-1) for side in (pairs.left, pairs.right))
    p = 0.9 / (1 + np.exp(right - left)) + 0.05
    loss = -(pairs.mu_left * np.log(p) + (1 - pairs.mu_left) * np.log(1 - p))
    correct = (left > right) == (pairs.mu_left == 1)
    training = [np.average(loss[m], weights=weights[m]) for m in range(3)]
    validation = [loss[m][weights[m] == 0].mean() for m in range(3)]
    accuracy = [correct[m][weights[m] == 0].mean() for m in range(3)]
    assert metrics.training_loss == pytest.approx(np.mean(training), rel=1e-4)
    assert metrics.validation_loss == pytest.approx(np.mean(validation), rel=1e-4)
    assert metrics.validation_accuracy == pytest.approx(np.mean(accuracy), rel=1e-6)


def l2_after(fitter: EnsembleFitter, ratios: list[float], moves: int = 1) -> torch.Tensor:
    """The coefficients after some epochs at these ratios of validation to training loss, one a member."""
    for _ in range(moves):
        fitter._move_l2(torch.full((len(ratios),), 0.4), 0.4 * torch.tensor(ratios))
    return fitter.state_dict()["l2"].clone()


def test_l2_is_moved_towards_the_papers_range_member_by_member(make_spec):
    """C17 A.1: validation loss is kept between 1.1 and 1.5 times training loss."""
    fitter = fitter_of(RewardEnsemble(make_spec()))
    start = fitter.state_dict()["l2"].clone()
    moved = l2_after(fitter, [1.05, 1.3, 1.6])
    assert moved[0] < start[0] and moved[1] == start[1] and moved[2] > start[2]


def test_l2_is_bounded_and_comes_back(make_spec):
    fitter = fitter_of(RewardEnsemble(make_spec(members=2)))
    start = fitter.state_dict()["l2"].clone()
    far = l2_after(fitter, [0.5, 9.0], moves=2000)
    assert 0 < far[0] < start[0] and start[1] < far[1] < math.inf
    assert torch.equal(l2_after(fitter, [0.5, 9.0]), far)
    back = l2_after(fitter, [9.0, 0.5])
    assert back[0] > far[0] and back[1] < far[1]


def test_l2_stands_still_for_a_member_that_cannot_be_validated(make_spec):
    fitter = fitter_of(RewardEnsemble(make_spec(members=2)))
    start = fitter.state_dict()["l2"].clone()
    assert torch.equal(l2_after(fitter, [math.nan, math.nan]), start)


def test_l2_rises_where_members_overfit_and_falls_where_they_do_not(make_spec):
    noise = labelled(40, mu_left=coin_flips(40))
    overfit, untrained = RewardEnsemble(make_spec(hidden_sizes=(64,))), RewardEnsemble(make_spec())
    start = float(fitter_of(overfit).state_dict()["l2"].mean())
    assert fitter_of(overfit, 1e-2).fit(noise, 40, 0).l2_coefficient > start
    assert fitter_of(untrained, 1e-12).fit(labelled(200), 5, 0).l2_coefficient < start


def test_l2_shrinks_the_weights_of_its_member_alone(make_spec):
    ensemble = RewardEnsemble(make_spec())
    plain = RewardEnsemble(make_spec())
    for target, coefficients in ((ensemble, [0.0, 5.0, 0.0]), (plain, [0.0, 0.0, 0.0])):
        fitter = fitter_of(target)
        fitter.load_state_dict({**fitter.state_dict(), "l2": torch.tensor(coefficients)})
        fitter.fit(labelled(200), 1, 0)
    assert same(weights_of(ensemble, 0), weights_of(plain, 0)) and same(weights_of(ensemble, 2), weights_of(plain, 2))
    norms = [np.square(weights_of(e, 1)["layers.0.weight"]).sum() for e in (ensemble, plain)]
    assert norms[0] < 0.9 * norms[1]


def test_a_fitter_taken_up_from_its_state_goes_on_to_the_bit(make_spec):
    pairs = labelled(60)
    undisturbed = RewardEnsemble(make_spec())
    fitter = fitter_of(undisturbed)
    fitter.fit(pairs, 3, 0)
    file = BytesIO()
    torch.save(fitter.state_dict(), file)
    saved = undisturbed.published()
    expected = fitter.fit(pairs, 3, 1)

    resumed = RewardEnsemble(make_spec(seed=5))
    resumed.load(saved)
    resumed_fitter = fitter_of(resumed)
    resumed_fitter.load_state_dict(torch.load(BytesIO(file.getvalue()), weights_only=True))
    assert resumed_fitter.fit(pairs, 3, 1) == expected
    assert same(weights_of(resumed), weights_of(undisturbed))


def test_the_state_matters_for_going_on(make_spec):
    """Control of the test above: without momentum and coefficients the continuation is another one."""
    pairs, undisturbed, fresh = labelled(60), RewardEnsemble(make_spec()), RewardEnsemble(make_spec())
    fitter = fitter_of(undisturbed)
    fitter.fit(pairs, 3, 0)
    fresh.load(undisturbed.published())
    fitter.fit(pairs, 3, 1)
    fitter_of(fresh).fit(pairs, 3, 1)
    assert not same(weights_of(fresh), weights_of(undisturbed))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_observations_that_are_not_finite_are_a_typed_error(make_spec, bad):
    pairs = labelled(60)
    pairs.left.observations[7, 3, 1] = bad
    ensemble, untouched = RewardEnsemble(make_spec()), RewardEnsemble(make_spec())
    with pytest.raises(RewardDataError, match="NaN or infinity in their observations"):
        fitter_of(ensemble).fit(pairs, 1, 0)
    assert same(weights_of(ensemble), weights_of(untouched))


def test_a_loss_that_is_not_finite_is_a_typed_error(make_spec):
    with pytest.raises(RewardDataError, match=r"reward loss became .* Lower reward\.learning_rate"):
        fitter_of(RewardEnsemble(make_spec()), learning_rate=1e30).fit(labelled(60), 3, 0)


@pytest.mark.parametrize("num_pairs", [1, 2])
def test_the_first_labels_of_all_can_be_fitted(make_spec, num_pairs):
    for seed in range(20):
        fitter_of(RewardEnsemble(make_spec()), seed=seed).fit(labelled(num_pairs), 2, 0)


@pytest.mark.parametrize(("max_pairs", "expected"), [(None, 120), (25, 25), (100, 100), (1000, 120)])
def test_a_limit_cuts_the_last_pass_short(make_spec, monkeypatch, max_pairs, expected):
    presented, step = [], EnsembleFitter._step

    def counted(self, data, rows):
        presented.append(len(rows))
        return step(self, data, rows)

    monkeypatch.setattr(EnsembleFitter, "_step", counted)
    fitter_of(RewardEnsemble(make_spec())).fit(labelled(40), epochs=3, round_index=0, max_pairs=max_pairs)
    assert sum(presented) == expected


@pytest.mark.parametrize("tail", [1, 2, 5])
def test_a_last_pass_of_few_pairs_is_judged_with_the_pass_before_it(make_spec, tail):
    """A member may have no label at all, or none to be validated on, among the few pairs of a pass cut short."""

    def last_accuracy(max_pairs: int) -> float:
        metrics = fitter_of(RewardEnsemble(make_spec())).fit(labelled(60), 20, round_index=0, max_pairs=max_pairs)
        assert math.isfinite(metrics.training_loss) and math.isfinite(metrics.validation_loss)
        return metrics.validation_accuracy

    assert last_accuracy(10 * 60 + tail) == pytest.approx(last_accuracy(10 * 60), abs=3 * tail / 15)
    assert last_accuracy(10 * 60 + tail) not in (0.0, 1.0)


def test_images_taken_pair_by_pair_give_the_gradient_of_the_whole_batch(make_spec, monkeypatch):
    rng = np.random.default_rng(0)
    sides = [
        ClipArrays(rng.integers(0, 256, (12, 1 + 3, 44, 44), np.uint8), rng.integers(0, 2, (12, 3)), frame_stack=2)
        for _ in range(2)
    ]
    mu_left, every_1 = rng.integers(0, 2, 12).astype(np.float32), np.ones(12, np.float32)
    pairs = LabelledPairs(*sides, mu_left, np.arange(12), every_1)
    spec = make_spec(gym.spaces.Box(0, 255, (44, 44, 2), np.uint8))
    fitted, metrics = [], []
    for pairs_per_pass in (1, 6):
        monkeypatch.setattr(ensemble_fitting, "PAIRS_OF_IMAGES_PER_PASS", pairs_per_pass)
        ensemble = RewardEnsemble(spec)
        metrics.append(fitter_of(ensemble, learning_rate=1e-3, batch_pairs=6).fit(pairs, 1, 0))
        fitted.append(ensemble.member_rewards_of_clips(sides[0]))
    start = RewardEnsemble(spec).member_rewards_of_clips(sides[0])
    centred = [rewards - rewards.mean(axis=(1, 2), keepdims=True) for rewards in (*fitted, start)]
    np.testing.assert_allclose(centred[0], centred[1], atol=1e-4)
    assert np.abs(centred[0] - centred[2]).max() > 1e-3
    assert metrics[0].training_loss == pytest.approx(metrics[1].training_loss, rel=1e-4)
