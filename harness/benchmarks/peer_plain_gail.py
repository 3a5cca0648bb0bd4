"""Train GAIL on a robot once in plain PyTorch and Gymnasium, and time it.

    python harness/benchmarks/peer_plain_gail.py SETTINGS.json

It is what one would write for one seed: Gymnasium's vector of environments, `torch.nn` modules, Adam, one loop, without
logs, checks, checkpoints or counted draws. `harness.benchmarks.plain` calls it and writes the settings. It needs torch,
Gymnasium and MuJoCo.
"""

from __future__ import annotations

import json
import math
import sys
import time
from pathlib import Path

import gymnasium as gym
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Normaliser:
    """The running mean and variance of observations."""

    def __init__(self, size: int):
        self.count, self.mean, self.squares = 0.0, torch.zeros(size), torch.zeros(size)

    def see(self, x: Tensor) -> None:
        n, mean = len(x), x.mean(0)
        moved = mean - self.mean
        self.squares += (x - mean).square().sum(0) + moved.square() * self.count * n / (self.count + n)
        self.mean += moved * n / (self.count + n)
        self.count += n

    def __call__(self, x: Tensor) -> Tensor:
        return (x - self.mean) / (self.squares / max(self.count, 1.0) + 1e-8).sqrt()


def net(n_in: int, width: int, n_out: int, activation: type[nn.Module], scale: float | None = None) -> nn.Sequential:
    """Return a net with two hidden layers; a `scale`, that of the last layer, makes the weights orthogonal."""
    layers = [nn.Linear(n_in, width), activation(), nn.Linear(width, width), activation(), nn.Linear(width, n_out)]
    if scale is not None:
        for layer, gain in zip(layers[::2], (math.sqrt(2), math.sqrt(2), scale)):
            nn.init.orthogonal_(layer.weight, gain)
            nn.init.zeros_(layer.bias)
    return nn.Sequential(*layers)


class Agent(nn.Module):
    """A Gaussian policy with a constant standard deviation, and a value net."""

    def __init__(self, n_observations: int, n_actions: int, s: dict, d: dict):
        super().__init__()
        self.mean = net(n_observations, s["width"], n_actions, nn.Tanh, d["last_scale"])
        self.value = net(n_observations, s["width"], 1, nn.Tanh, 1.0)
        self.log_std = nn.Parameter(torch.full((n_actions,), math.log(s["initial_std"])))

    def log_prob(self, observations: Tensor, actions: Tensor) -> Tensor:
        z = (actions - self.mean(observations)) / self.log_std.exp()
        return (-0.5 * z.square() - self.log_std - 0.5 * math.log(2 * math.pi)).sum(-1)


def run(said: dict) -> float:
    """Return the seconds of training."""
    s, g, d = said["ppo"], said["gail"], said["defaults"]
    torch.set_num_threads(1)
    torch.manual_seed(said["seed"])
    worlds = gym.vector.SyncVectorEnv(
        [lambda: gym.make(said["robot"], terminate_when_unhealthy=False)] * s["n_envs"],
        autoreset_mode=gym.vector.AutoresetMode.SAME_STEP,
    )
    shape, n_actions = worlds.single_observation_space.shape[0], worlds.single_action_space.shape[0]
    low, high = worlds.single_action_space.low, worlds.single_action_space.high
    agent, critic, see = (
        Agent(shape, n_actions, s, d),
        net(shape + n_actions, g["width"], 1, nn.ReLU),
        Normaliser(shape),
    )
    of_agent = torch.optim.Adam(agent.parameters(), lr=s["lr"], eps=d["eps"])
    of_critic = torch.optim.Adam(critic.parameters(), lr=g["lr"])
    shown_o, shown_a = shown(said)
    see.see(shown_o)
    started = time.perf_counter()
    now = worlds.reset(seed=said["seed"])[0]
    for _ in range(-(-said["steps"] // (s["n_envs"] * s["horizon"]))):
        rows = []
        for _ in range(s["horizon"]):
            with torch.no_grad():
                o = torch.as_tensor(now, dtype=torch.float32)
                mean = agent.mean(see(o))
                a = mean + agent.log_std.exp() * torch.randn_like(mean)
            now, _, _, _, more = worlds.step(np.clip(a.numpy(), low, high))
            rows.append((o, a))
        observations, actions = (torch.stack(part) for part in zip(*rows))
        last = np.stack(more["final_obs"]) if "final_obs" in more else now  # an episode lasts as long as a round
        learn_policy(agent, of_agent, critic, see, observations, actions, last, s, d)
        learn_critic(critic, of_critic, see, (observations, actions), (shown_o, shown_a), g)
    return time.perf_counter() - started


def learn_policy(agent, optimizer, critic, see, observations, actions, now, s, d) -> None:
    """Take the steps of PPO on the discriminator's reward."""
    with torch.no_grad():
        o = see(observations)
        reward = F.softplus(critic(torch.cat([o, actions], -1)).squeeze(-1))
        value = agent.value(o).squeeze(-1)
        following = agent.value(see(torch.as_tensor(now, dtype=torch.float32))).squeeze(-1)
        before = agent.log_prob(o, actions)
        advantage, last = torch.zeros_like(reward), torch.zeros_like(following)
        for t in reversed(range(len(reward))):
            ahead = following if t == len(reward) - 1 else value[t + 1]
            last = reward[t] + s["gamma"] * ahead - value[t] + s["gamma"] * s["lam"] * last
            advantage[t] = last
        target = advantage + value
    o, a, before, advantage, target = (x.flatten(0, 1) for x in (o, actions, before, advantage, target))
    for _ in range(s["epochs"]):
        for part in torch.randperm(len(o)).chunk(s["minibatches"]):
            scaled = advantage[part]
            scaled = (scaled - scaled.mean()) / (scaled.std() + 1e-8)
            ratio = (agent.log_prob(o[part], a[part]) - before[part]).exp()
            gain = torch.min(ratio * scaled, ratio.clamp(1 - s["clip"], 1 + s["clip"]) * scaled).mean()
            miss = (agent.value(o[part]).squeeze(-1) - target[part]).square().mean()
            optimizer.zero_grad()
            (0.5 * miss - gain).backward()
            nn.utils.clip_grad_norm_(agent.parameters(), d["clip_norm"])
            optimizer.step()


def learn_critic(critic, optimizer, see, played, shown_pairs, g) -> None:
    """Take the steps of the discriminator, whose normaliser sees both sides."""
    o, a = (x.flatten(0, 1) for x in played)
    see.see(torch.cat([o, shown_pairs[0][torch.randint(len(shown_pairs[0]), (len(o),))]]))
    for _ in range(g["steps"]):
        ours, theirs = torch.randint(len(o), (g["batch"],)), torch.randint(len(shown_pairs[0]), (g["batch"],))
        seen = see(torch.cat([shown_pairs[0][theirs], o[ours]]))
        score = critic(torch.cat([seen, torch.cat([shown_pairs[1][theirs], a[ours]])], -1)).squeeze(-1)
        label = torch.cat([torch.ones(g["batch"]), torch.zeros(g["batch"])])
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(score, label).backward()
        optimizer.step()


def shown(said: dict) -> tuple[Tensor, Tensor]:
    """Return the observations and actions of the expert's whole episodes, a row for each step."""
    with np.load(said["demonstrations"]) as file:
        o, a, whole = (file[f"demonstrations/{name}"][0] for name in ("observations", "actions", "whole"))
    chosen = np.flatnonzero(whole)[: said["episodes"]]
    return tuple(torch.as_tensor(x[:, chosen]).flatten(0, 1) for x in (o, a))


if __name__ == "__main__":
    with Path(sys.argv[1]).open(encoding="utf-8") as file:
        print(json.dumps({"seconds": run(json.load(file))}))
