"""The discriminator of AIRL (Fu et al. 2018) and, with the bottleneck, of VAIRL (Peng et al. 2019, section 4).

D = exp(f) / (exp(f) + pi(a|s)) with f(s, a, s') = g(s) + gamma h(s') - h(s) (Fu et al. 2018, Eq. 4), so its logit is f
- log pi(a|s). The defaults are those of the maze code of Peng et al. Where that code differs from the papers, both are
options.
"""

from __future__ import annotations

from functools import reduce
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from baselines.parts.adversarial.critic_net import Critic, CriticParams
from baselines.parts.adversarial.losses import LOSSES
from baselines.parts.adversarial.penalties import PenaltyParams, squared_gradient
from baselines.parts.adversarial.spectral import advance_spectral_norm
from baselines.parts.control.transitions import Transitions
from baselines.parts.nets.optim import OptimizerParams, SeedOptimizer
from baselines.parts.nets.perceptron import MLPBody, MLPParams
from harness.contracts import Draws, TaskSpec


class AIRLParams(CriticParams):
    """The parameters of g and h, which share them; "released" refers to the maze code of Peng et al. (2019).

    gamma: the discount in f. The released code uses 1 although the policy uses 0.99; the reward is then no longer
        identified.
    shaping: whether there is an h; without it f is g.
    reward_input: whether g takes the state alone, as transfer requires (Fu et al. 2018, section 5), or state and
        action.
    policy_reward: the policy's reward: g (released), f, the logit f - log pi, or -log(1 - D) = softplus(f - log pi). It
        is computed without the bottleneck's noise.
    kl_terms: with `all`, the KLs of g(s), h(s') and h(s) are summed and share one I_c (released); with `reward`, only
        that of g counts.
    last_next: what h sees after the last step of an episode: zeros (released) or the observed state.
    penalties: r1 applies to the inputs of expert rows, for g(s), h(s) and h(s'), averaged over those rows. The released
        code divides by the rows of both sides, which halves this weight.
    ce_scale: the mean over the rows of both sides (released), or the sum of the two sides' means (paper).
    """

    kind: Literal["airl"]
    net: MLPParams
    gamma: float = Field(1.0, ge=0, le=1)
    shaping: bool = True
    reward_input: Literal["s", "sa"] = "s"
    policy_reward: Literal["g", "f", "f_minus_log_pi", "softplus"] = "g"
    kl_terms: Literal["all", "reward"] = "all"
    last_next: Literal["zeros", "observed"] = "zeros"
    penalties: PenaltyParams = PenaltyParams()
    ce_scale: Literal["sum", "mean"] = "mean"
    critic_optimizer: OptimizerParams

    @model_validator(mode="after")
    def _check_combination(self) -> AIRLParams:
        if self.penalties.r2 is not None or self.penalties.interpolated is not None:
            raise ValueError("penalties: AIRL supports only r1, on the expert's states")
        return self


class AIRLDiscriminator(nn.Module):
    """The discriminator with the nets g (`reward_net`) and h (`shaping_net`)."""

    def __init__(self, n_seeds: int, spec: TaskSpec, params: AIRLParams):
        super().__init__()
        self.params = params
        n_actions = spec.action_size or spec.n_actions
        extra = n_actions if params.reward_input == "sa" else 0
        self.reward_net = Critic(n_seeds, MLPBody(n_seeds, (spec.shape[0] + extra,), params.net), params)
        self.shaping_net = Critic(n_seeds, MLPBody(n_seeds, spec.shape, params.net), params) if params.shaping else None

    def bind(self, alive: Tensor) -> None:
        """Create the optimiser, see `harness.contracts.bind`."""
        self.alive = alive
        self.optimizer = SeedOptimizer(self.parameters(), self.params.critic_optimizer, alive)

    def update(
        self, expert: Transitions, policy: Transitions, log_pi: tuple[Tensor, Tensor], draws: Draws, tag: str
    ) -> dict[str, Tensor]:
        """Make one step on B rows of each side, then the dual step. Returns logs [S].

        log_pi: [S, B] for the expert's and for the policy's actions, both under the policy.
        """
        advance_spectral_norm(self, self.alive)
        objective, logs = self.objective(expert, policy, log_pi, draws, tag)
        logs["grad_critic"] = self.optimizer.step(objective, draws.step)
        bottleneck = self.reward_net.bottleneck
        if bottleneck is not None:
            logs["beta"] = bottleneck.beta.clone()
            bottleneck.dual_step(logs["kl"], self.alive)
        return logs

    def objective(
        self, expert: Transitions, policy: Transitions, log_pi: tuple[Tensor, Tensor], draws: Draws | None, tag: str
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the cross-entropy of D + the penalty + beta times the KL of half expert, half policy rows, [S], and
        logs.
        """
        params, n = self.params, expert.observations.shape[1]
        f, inputs, kl = self._f(expert.concat(policy), draws, tag)
        logit = f - torch.cat(log_pi, 1)
        real, fake = logit[:, :n], logit[:, n:]
        total = LOSSES["minimax"].critic(real, fake).mean(1) * (0.5 if params.ce_scale == "mean" else 1.0)
        logs = {
            "loss_critic": total.detach(),
            "accuracy": 0.5 * ((real > 0).float().mean(1) + (fake < 0).float().mean(1)).detach(),
        }
        if params.penalties.r1 is not None:
            squared = reduce(torch.add, (squared_gradient(score, x)[:, :n] for score, x in inputs))
            penalty = params.penalties.r1.coefficient * squared.mean(1)
            logs["penalty"] = penalty.detach()
            total = total + penalty
        if kl is not None:
            bottleneck = self.reward_net.bottleneck
            assert bottleneck is not None
            kl_real, kl_fake = kl[:, :n].mean(1), kl[:, n:].mean(1)
            mean = 0.5 * (kl_real + kl_fake)
            total = total + bottleneck.beta.clone() * mean
            logs |= {"kl": mean.detach(), "kl_real": kl_real.detach(), "kl_fake": kl_fake.detach()}
        return total, logs

    @torch.no_grad()
    def reward(self, rows: Transitions, log_pi: Tensor | None = None) -> Tensor:
        """Return the policy's reward for each row, [S, N], at the mean codes; log_pi [S, N] is needed if
        `needs_log_pi`.
        """
        form = self.params.policy_reward
        if form == "g":
            return self.g(rows.observations, rows.actions)
        f, _, _ = self._f(rows, None, "")
        if form == "f":
            return f
        assert log_pi is not None
        return f - log_pi if form == "f_minus_log_pi" else F.softplus(f - log_pi)

    @property
    def needs_log_pi(self) -> bool:
        """Whether the policy's reward contains log pi."""
        return self.params.policy_reward in ("f_minus_log_pi", "softplus")

    def g(self, observations: Tensor, actions: Tensor | None = None) -> Tensor:
        """Return the unshaped reward [S, B] at the mean code, which is what transfers."""
        x = observations
        if self.params.reward_input == "sa":
            assert actions is not None
            x = torch.cat([observations, actions], -1)
        return self.reward_net.score(self.reward_net.encode(x, None, "").z)

    def _f(
        self, rows: Transitions, draws: Draws | None, tag: str
    ) -> tuple[Tensor, list[tuple[Tensor, Tensor]], Tensor | None]:
        """Return f [S, B], the pairs (score, input) that a penalty differentiates, and the KL [S, B] for I_c."""
        params = self.params
        wants_gradient = params.penalties.r1 is not None and draws is not None

        def evaluate(net: Critic, x: Tensor, name: str) -> tuple[Tensor, Tensor | None]:
            x = x.detach().requires_grad_(wants_gradient)
            code = net.encode(x, draws, f"{tag}/{name}")
            score = net.score(code.z)
            inputs.append((score, x))
            return score, code.kl

        inputs: list[tuple[Tensor, Tensor]] = []
        x = rows.observations if params.reward_input == "s" else torch.cat([rows.observations, rows.actions], -1)
        f, kl = evaluate(self.reward_net, x, "reward")
        if self.shaping_net is not None:
            here, kl_here = evaluate(self.shaping_net, rows.observations, "shaping")
            after, kl_after = evaluate(self.shaping_net, rows.next_observations, "shaping-next")
            f = f + params.gamma * (~rows.terminated) * after - here
            if kl is not None and kl_after is not None and kl_here is not None and params.kl_terms == "all":
                kl = kl + kl_after + kl_here
        return f, inputs, kl
