"""The gradient of PPO's loss through tanh layers, written out: what autograd gives, at a fraction of its cost.

On two layers of 64 units and a few hundred rows, autograd spends most of its time on the graph. With delta_l the
gradient of the loss by what layer l puts out, h_l = tanh(W_l h_(l-1) + b_l), and products by element:

    e_l = delta_l (1 - h_l^2),    dL/dW_l = e_l^T h_(l-1),    dL/db_l = sum over rows of e_l,    delta_(l-1) = e_l W_l
"""

import math
from typing import NamedTuple

import torch
from ray.rllib.core.columns import Columns
from ray.rllib.evaluation.postprocessing import Postprocessing
from torch import Tensor, nn

from rlhp_ray.policy.actor_critic import ActorCriticNetwork, MLPTrunk
from rlhp_ray.policy.ppo_loss import Coefficients, LossTerms, Rows, clipped_surrogate


class Layer(NamedTuple):
    """Parameters of a linear layer; `weight [outputs, inputs]`."""

    weight: Tensor
    bias: Tensor

    def forward(self, inputs: Tensor) -> Tensor:
        """`[rows, outputs]`."""
        return torch.addmm(self.bias, inputs, self.weight.t())

    def backward(self, inputs: Tensor, delta: Tensor) -> Tensor:
        """Write the gradients for `delta [rows, outputs]`, and give that of `inputs [rows, inputs]`."""
        self.write_gradients(inputs, delta)
        return delta @ self.weight

    def write_gradients(self, inputs: Tensor, delta: Tensor) -> None:
        """For `delta [rows, outputs]`, in place of those that are there."""
        assert self.weight.grad is not None and self.bias.grad is not None
        torch.mm(delta.t(), inputs, out=self.weight.grad)
        torch.sum(delta, 0, out=self.bias.grad)


class _Tower:
    """A trunk of tanh layers and a linear head on it."""

    def __init__(self, trunk: MLPTrunk, head: nn.Linear) -> None:
        linear = [layer for layer in trunk.layers if isinstance(layer, nn.Linear)]
        self._layers = [Layer(layer.weight, layer.bias) for layer in linear]
        self._head = Layer(head.weight, head.bias)
        self._outputs: list[Tensor] = []

    def forward(self, observations: Tensor) -> Tensor:
        self._outputs = [observations]
        for layer in self._layers:
            self._outputs.append(layer.forward(self._outputs[-1]).tanh_())
        return self._head.forward(self._outputs[-1])

    def backward(self, delta: Tensor) -> None:
        delta = self._head.backward(self._outputs[-1], delta)
        for number in range(len(self._layers) - 1, -1, -1):
            inputs, outputs = self._outputs[number], self._outputs[number + 1]
            delta = torch.addcmul(delta, delta * outputs, outputs, value=-1)  # delta (1 - h^2)
            if number > 0:
                delta = self._layers[number].backward(inputs, delta)
            else:
                self._layers[number].write_gradients(inputs, delta)
        self._outputs = []


class _Categorical:
    """Of `logits [rows, actions]`, at `actions [rows]`: with p their softmax,

    d log p_a / d logits = 1_a - p, and dH / d logits = -p (log p + H).
    """

    def __init__(self, logits: Tensor, actions: Tensor) -> None:
        self._actions = actions.long().unsqueeze(-1)
        self._log_p = torch.log_softmax(logits, -1)
        self._p = self._log_p.exp()
        self.logp = self._log_p.gather(-1, self._actions).squeeze(-1)
        self.entropy = -(self._p * self._log_p).sum(-1)

    def backward(self, by_logp: Tensor, by_entropy: Tensor) -> Tensor:
        """The loss's gradient by the logits, from those by `logp` and `entropy`, `[rows]`."""
        shift = self._log_p + self.entropy.unsqueeze(-1)
        gradient = -self._p * torch.addcmul(by_logp.unsqueeze(-1), by_entropy.unsqueeze(-1), shift)
        return gradient.scatter_add_(-1, self._actions, by_logp.unsqueeze(-1))


class _DiagGaussian:
    """Of `mean [rows, size]` and `log_std [size]`, at `actions [rows, size]`: with z = (a - mean) / std,

    d log p / d mean = z / std, d log p / d log_std = z^2 - 1, and dH / d log_std = 1.
    """

    def __init__(self, mean: Tensor, log_std: nn.Parameter, actions: Tensor) -> None:
        self._log_std = log_std
        self._inverse_std = torch.exp(-log_std)
        self._z = (actions - mean) * self._inverse_std
        size, total = mean.shape[-1], log_std.sum()
        self.logp = self._z.square().sum(-1).mul_(-0.5) - (total + 0.5 * size * math.log(2 * math.pi))
        self.entropy = (total + 0.5 * size * (1 + math.log(2 * math.pi))).expand(len(mean))

    def backward(self, by_logp: Tensor, by_entropy: Tensor) -> Tensor:
        """The loss's gradient by the mean, from those by `logp` and `entropy`, `[rows]`; writes that by `log_std`."""
        scaled = by_logp.unsqueeze(-1) * self._z
        assert self._log_std.grad is not None
        torch.sum(scaled * self._z, 0, out=self._log_std.grad)
        self._log_std.grad += by_entropy.sum() - by_logp.sum()
        return scaled * self._inverse_std


class MLPActorCriticGradient:
    """Writes the gradient of PPO's loss into the `.grad` of every parameter, which must be there.

    Args:
        network: of vectors, so that actor and critic have trunks of their own.
    """

    def __init__(self, network: ActorCriticNetwork) -> None:
        actor, critic = network.actor_trunk, network.critic_trunk
        assert isinstance(actor, MLPTrunk) and isinstance(critic, MLPTrunk), "pixels are autograd's"
        self._actor = _Tower(actor, network.actor_head)
        self._critic = _Tower(critic, network.critic_head)
        self._log_std = network.log_std

    @torch.no_grad()
    def write(self, rows: Rows, coefficients: Coefficients) -> LossTerms:
        """The gradient of the mean over the rows that count, and what their loss is made of."""
        observations, mask = rows[Columns.OBS], rows[Columns.LOSS_MASK]
        share = mask.to(observations.dtype) / mask.sum()  # of each row in the mean
        actor_output = self._actor.forward(observations)
        policy: _Categorical | _DiagGaussian
        if self._log_std is None:
            policy = _Categorical(actor_output, rows[Columns.ACTIONS])
        else:
            policy = _DiagGaussian(actor_output, self._log_std, rows[Columns.ACTIONS])
        ratio = torch.exp(policy.logp - rows[Columns.ACTION_LOGP])
        unclipped = rows[Postprocessing.ADVANTAGES] * ratio
        surrogate = clipped_surrogate(rows[Postprocessing.ADVANTAGES], ratio, coefficients.clip)
        by_logp = -unclipped * share * (unclipped == surrogate)  # where the clipped one is less, it has no slope
        self._actor.backward(policy.backward(by_logp, -coefficients.entropy * share))

        values = self._critic.forward(observations).squeeze(-1)
        errors = values - rows[Postprocessing.VALUE_TARGETS]
        squares = errors.square()
        by_value = 2 * coefficients.value * errors * share * (squares <= coefficients.value_clip)
        self._critic.backward(by_value.unsqueeze(-1))
        clipped_squares = torch.clamp(squares, 0, coefficients.value_clip)
        return LossTerms(rows, surrogate, squares, clipped_squares, policy.entropy, values)
