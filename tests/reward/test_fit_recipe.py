"""What a recipe changes in a round of fitting: noise, targets, where it stops and where it begins."""

import math
from io import BytesIO

import gymnasium as gym
import numpy as np
import pytest
import torch

from rlhp_ray.clips.clip import ClipArrays
from rlhp_ray.reward.ensemble import RewardEnsemble
from rlhp_ray.reward.ensemble_fitting import EnsembleFitter
from rlhp_ray.reward.fit_recipe import FitRecipe
from rlhp_ray.reward.inference import load_reward, save_reward
from rlhp_ray.reward.labelled_pairs import LabelledPairs, bootstrap_weights

NOISY = {"dropout": 0.5, "batch_norm": True}


def labelled(num_pairs: int, coins: bool = False, image: bool = False) -> LabelledPairs:
    """Pairs labelled by the sum of one observed number, or by tosses of a coin."""
    rng = np.random.default_rng(0)
    sides = []
    for _ in range(2):
        actions = rng.integers(0, 2, (num_pairs, 4))
        if image:
            frames = rng.integers(0, 256, (num_pairs, 1 + 4, 44, 44), np.uint8)
            sides.append(ClipArrays(frames, actions, frame_stack=2))
        else:
            sides.append(ClipArrays(rng.uniform(-1, 1, (num_pairs, 4, 3)).astype(np.float32), actions))
    left, right = sides
    mu_left = left.observations[:, :, 0].sum(axis=1) > right.observations[:, :, 0].sum(axis=1) if not image else None
    if coins or image:
        mu_left = rng.integers(0, 2, num_pairs)
    return LabelledPairs(
        left, right, np.asarray(mu_left, np.float32), np.arange(num_pairs), np.ones(num_pairs, np.float32)
    )


def fitter_of(ensemble: RewardEnsemble, learning_rate: float = 1e-2, seed: int = 0, **recipe) -> EnsembleFitter:
    return EnsembleFitter(ensemble, learning_rate, 16, seed, FitRecipe(**recipe))


def same(first: RewardEnsemble, second: RewardEnsemble) -> bool:
    one, other = first.published().weights, second.published().weights
    return all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("epochs", [1, 6])
def test_with_batch_norm_validation_judges_the_reward_as_it_is_used(make_spec, epochs):
    """Pairs told apart by the statistics of their own pass were seen to be ranked at chance by the running ones."""
    pairs, ensemble = labelled(200), RewardEnsemble(make_spec(batch_norm=True))
    metrics = fitter_of(ensemble, 3e-3).fit(pairs, epochs, 0)
    returns = [ensemble.member_rewards_of_clips(side).sum(-1) for side in (pairs.left, pairs.right)]
    is_right = (returns[0] > returns[1]) == (pairs.mu_left == 1)
    left_out = bootstrap_weights(0, pairs.query_index, ensemble.members) == 0
    accuracies = [right[out].mean() for right, out in zip(is_right, left_out, strict=True)]
    assert metrics.validation_accuracy == pytest.approx(np.mean(accuracies))


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "rmsprop"])
@pytest.mark.parametrize("network", [{}, NOISY, {"output": "tanh"}, {"inputs": "obs"}], ids=str)
def test_every_recipe_learns(make_spec, optimiser, network):
    ensemble = RewardEnsemble(make_spec(**network))
    metrics = fitter_of(ensemble, 3e-3, optimiser=optimiser).fit(labelled(200), 40, 0)
    fresh = labelled(200).left
    told = ensemble.member_rewards_of_clips(fresh)
    for member in told:
        assert np.corrcoef(member.ravel(), fresh.observations[..., 0].ravel())[0, 1] > 0.7
    assert metrics.validation_accuracy > 0.7
    if network == {"output": "tanh"}:
        assert np.abs(told).max() < 1


def test_noise_is_for_fitting_and_follows_seed_and_round(make_spec):
    def fitted(seed: int = 0, round_index: int = 0, disturbance: int = 0) -> RewardEnsemble:
        ensemble = RewardEnsemble(make_spec(dropout=0.5))
        torch.manual_seed(disturbance)
        EnsembleFitter(ensemble, 1e-2, 64, seed).fit(pairs, 1, round_index)
        return ensemble

    pairs = labelled(20)  # fewer than a minibatch: shuffling alone would move nothing but rounding
    assert same(fitted(), fitted(disturbance=7))
    biases = [ensemble.published().weights["layers.0.bias"] for ensemble in (fitted(), fitted(round_index=1))]
    assert np.abs(biases[0] - biases[1]).max() > 1e-3
    ensemble = fitted()
    assert not ensemble.network.training
    first, second = (ensemble.member_rewards_of_clips(pairs.left) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_fitting_leaves_the_global_generator_alone(make_spec):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    fitter_of(RewardEnsemble(make_spec(dropout=0.5))).fit(labelled(20), 1, 0)
    assert torch.equal(torch.rand(3), expected)


def test_an_error_leaves_the_network_predicting(make_spec):
    ensemble = RewardEnsemble(make_spec(dropout=0.5))
    with pytest.raises(Exception, match="reward loss became"):
        fitter_of(ensemble, 1e30).fit(labelled(60), 3, 0)
    assert not ensemble.network.training


@pytest.mark.parametrize("image", [False, True])
def test_running_statistics_are_published_exported_and_restored(make_spec, tmp_path, image):
    space = {"observation_space": gym.spaces.Box(0, 255, (44, 44, 2), np.uint8)} if image else {}
    pairs, ensemble = labelled(20, image=image), RewardEnsemble(make_spec(**space, **NOISY))
    fitter = fitter_of(ensemble, 1e-3)
    fitter.fit(pairs, 3, 0)
    published = ensemble.publish(1, ensemble.member_rewards_of_clips(pairs.left))
    assert np.abs(published.weights["norms.0.mean"]).max() > 1e-3
    save_reward(tmp_path, ensemble.spec, published, "x")
    loaded = load_reward(tmp_path).ensemble
    expected = ensemble.member_rewards_of_clips(pairs.left)
    np.testing.assert_array_equal(loaded.member_rewards_of_clips(pairs.left), expected)
    file = BytesIO()
    torch.save(fitter.state_dict(), file)

    resumed = RewardEnsemble(make_spec(seed=3, **space, **NOISY))
    resumed.load(published)
    resumed_fitter = fitter_of(resumed, 1e-3)
    resumed_fitter.load_state_dict(torch.load(BytesIO(file.getvalue()), weights_only=True))
    assert resumed_fitter.fit(pairs, 2, 1) == fitter.fit(pairs, 2, 1)
    assert same(resumed, ensemble)


def test_losses_are_those_of_smoothed_targets(make_spec):
    """With a vanishing learning rate, s = 0.3: targets 0.85 and 0.15; what is decided stays decided."""
    ensemble, pairs = RewardEnsemble(make_spec()), labelled(80)
    metrics = fitter_of(ensemble, 1e-12, label_smoothing=0.3).fit(pairs, 1, 0)
    plain = fitter_of(ensemble, 1e-12).fit(pairs, 1, 0)
    weights = bootstrap_weights(0, pairs.query_index, 3)
    left, right = (ensemble.member_rewards_of_clips(side).sum(-1) for side in (pairs.left, pairs.right))
    p = 0.9 / (1 + np.exp(right - left)) + 0.05
    target = np.where(pairs.mu_left == 1, 0.85, 0.15)
    loss = -(target * np.log(p) + (1 - target) * np.log(1 - p))
    training = [np.average(loss[m], weights=weights[m]) for m in range(3)]
    assert metrics.training_loss == pytest.approx(np.mean(training), rel=1e-4)
    validation = [loss[m][weights[m] == 0].mean() for m in range(3)]
    assert metrics.validation_loss == pytest.approx(np.mean(validation), rel=1e-4)
    assert metrics.validation_loss != pytest.approx(plain.validation_loss, rel=1e-3)
    assert metrics.validation_accuracy == plain.validation_accuracy


def test_losses_are_those_of_the_response_error(make_spec):
    """With a vanishing learning rate, e = 0.6: P' between 0.3 and 0.7."""
    ensemble, pairs = RewardEnsemble(make_spec()), labelled(80)
    metrics = fitter_of(ensemble, 1e-12, response_error=0.6).fit(pairs, 1, 0)
    weights = bootstrap_weights(0, pairs.query_index, 3)
    left, right = (ensemble.member_rewards_of_clips(side).sum(-1) for side in (pairs.left, pairs.right))
    p = 0.4 / (1 + np.exp(right - left)) + 0.3
    loss = -np.log(np.where(pairs.mu_left == 1, p, 1 - p))
    training = [np.average(loss[m], weights=weights[m]) for m in range(3)]
    assert metrics.training_loss == pytest.approx(np.mean(training), rel=1e-4)
    validation = [loss[m][weights[m] == 0].mean() for m in range(3)]
    assert metrics.validation_loss == pytest.approx(np.mean(validation), rel=1e-4)


@pytest.mark.parametrize("network", [{}, NOISY], ids=str)
def test_a_round_stops_and_goes_back_to_the_epoch_of_least_validation_loss(make_spec, network):
    """Coin flips can only be learnt by heart: validation loss rises, while training loss falls."""
    pairs, epochs, patience = labelled(60, coins=True), 25, 4

    def fitted(passes: int, **recipe):
        ensemble = RewardEnsemble(make_spec(**network))
        fitter = fitter_of(ensemble, 3e-3, **recipe)
        return ensemble, fitter, fitter.fit(pairs, passes, 0)

    losses = [fitted(passes)[2].validation_loss for passes in range(1, epochs + 1)]
    best = last = 0
    while last - best < patience:
        last += 1
        best = last if losses[last] < losses[best] else best
    assert last < epochs - 1
    ensemble, fitter, metrics = fitted(epochs, patience=patience)
    there, there_fitter, there_metrics = fitted(best + 1)
    assert same(ensemble, there)
    assert metrics.validation_loss == losses[best] and metrics.training_loss == there_metrics.training_loss
    moments = [f.state_dict()["optimiser"]["state"][0]["exp_avg"] for f in (fitter, there_fitter)]
    assert torch.equal(*moments)


def test_without_patience_it_is_learnt_by_heart(make_spec):
    """Control of the test above."""
    pairs = labelled(60, coins=True)
    patient = fitter_of(RewardEnsemble(make_spec()), patience=4).fit(pairs, 40, 0)
    endless = fitter_of(RewardEnsemble(make_spec())).fit(pairs, 40, 0)
    assert endless.training_loss < patient.training_loss - 0.05
    assert endless.validation_loss > patient.validation_loss + 0.05


def test_what_cannot_be_validated_is_not_stopped(make_spec, monkeypatch):
    from rlhp_ray.reward import ensemble_fitting

    monkeypatch.setattr(ensemble_fitting, "bootstrap_weights", lambda *_: np.ones((3, 20), np.float32))
    patient, endless = RewardEnsemble(make_spec()), RewardEnsemble(make_spec())
    metrics = fitter_of(patient, patience=1).fit(labelled(20), 5, 0)
    fitter_of(endless).fit(labelled(20), 5, 0)
    assert math.isnan(metrics.validation_loss) and same(patient, endless)


def test_a_cold_start_forgets_all_but_the_penalty(make_spec):
    """A round on its own gives what it gives after others; a warm one does not."""
    pairs, other = labelled(60), labelled(60, coins=True)

    def second_round(first: LabelledPairs | None, warm_start: bool) -> RewardEnsemble:
        ensemble = RewardEnsemble(make_spec(seed=1 if first is None else 2))
        fitter = fitter_of(ensemble, warm_start=warm_start)
        if first is not None:
            fitter.fit(first, 3, 0)
        fitter.load_state_dict(fitter.state_dict() | {"l2": torch.full((3,), 1e-4)})
        fitter.fit(pairs, 3, 1)
        return ensemble

    assert same(second_round(None, False), second_round(other, False))
    assert not same(second_round(None, True), second_round(other, True))


def test_a_cold_start_draws_other_weights_each_round(make_spec):
    ensemble, pairs = RewardEnsemble(make_spec()), labelled(20)
    fitter = fitter_of(ensemble, 1e-12, warm_start=False)
    rounds = []
    for index in (0, 1, 1):
        fitter.fit(pairs, 1, index)
        rounds.append(ensemble.published().weights["layers.0.weight"])
    assert np.abs(rounds[0] - rounds[1]).max() > 0.01
    np.testing.assert_array_equal(rounds[1], rounds[2])


def test_a_cold_start_keeps_the_coefficients_of_the_penalty(make_spec):
    fitter = fitter_of(RewardEnsemble(make_spec()), warm_start=False)
    first = fitter.fit(labelled(200), 5, 0).l2_coefficient
    again = fitter.fit(labelled(200), 5, 1).l2_coefficient
    assert first < 1e-5 and again < first
