"""Train VGAN-GP once in plain PyTorch, and time its updates after one that is not counted.

    python harness/benchmarks/peer_plain_gan.py SETTINGS.json

It is what one would write for one seed: `torch.nn` modules, the optimisers of torch, one backward pass for each net,
without logs, checks, checkpoints or counted draws. `harness.benchmarks.plain` calls it and writes the settings. It
needs only torch.
"""

from __future__ import annotations

import copy
import json
import math
import sys
import time
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.2


class Block(nn.Module):
    """shortcut(x) + 0.1 conv(lrelu(conv(lrelu(x))))."""

    def __init__(self, n_in: int, n_out: int):
        super().__init__()
        hidden = min(n_in, n_out)
        self.first, self.second = nn.Conv2d(n_in, hidden, 3, padding=1), nn.Conv2d(hidden, n_out, 3, padding=1)
        self.shortcut = nn.Identity() if n_in == n_out else nn.Conv2d(n_in, n_out, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        hidden = F.leaky_relu(self.first(F.leaky_relu(x, SLOPE)), SLOPE)
        return self.shortcut(x) + 0.1 * self.second(hidden)


class Critic(nn.Module):
    """A body, the two layers of a code, and a linear head on the activated code: x -> (score [B], KL [B])."""

    def __init__(self, body: nn.Module, mean: nn.Module, log_std: nn.Module, n_code: int):
        super().__init__()
        self.body, self.mean, self.log_std, self.head = body, mean, log_std, nn.Linear(n_code, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.body(x)
        mean, log_std = self.mean(h), self.log_std(h)
        z = mean + log_std.exp() * torch.randn_like(mean)
        kl = 0.5 * (mean.square() + (2 * log_std).exp() - 1) - log_std
        per_position = kl.sum(1).flatten(1) if kl.dim() > 2 else kl.sum(1, keepdim=True)
        return self.head(F.leaky_relu(z.flatten(1), SLOPE)).squeeze(1), per_position.mean(1)


def residual(said: dict) -> tuple[nn.Module, Critic]:
    """Return the residual generator and critic for images of 32 pixels."""
    widths = [min(said["width"] * 2**i, said["max_width"]) for i in range(int(math.log2(said["side"] // 4)) + 1)]
    up = [layer for a, b in pairwise(widths[::-1]) for layer in (Block(a, b), nn.Upsample(scale_factor=2))]
    generator = nn.Sequential(
        nn.Linear(said["latent"], widths[-1] * 16),
        nn.Unflatten(1, (widths[-1], 4, 4)),
        *up,
        Block(widths[0], widths[0]),
        nn.LeakyReLU(SLOPE),
        nn.Conv2d(widths[0], 3, 3, padding=1),
        nn.Tanh(),
    )
    down = [layer for a, b in pairwise(widths) for layer in (nn.AvgPool2d(3, 2, 1), Block(a, b))]
    body = nn.Sequential(nn.Conv2d(3, widths[0], 3, padding=1), Block(widths[0], widths[0]), *down)
    mean, log_std = (nn.Conv2d(widths[-1], said["code"], 1) for _ in range(2))
    return generator, Critic(body, mean, log_std, said["code"] * 16)


def perceptron(said: dict) -> tuple[nn.Module, Critic]:
    """Return the generator and critic of two hidden layers for images of one channel."""
    width, n = said["width"], said["side"] ** 2

    def hidden(n_in: int) -> list[nn.Module]:
        return [nn.Linear(n_in, width), nn.LeakyReLU(SLOPE), nn.Linear(width, width), nn.LeakyReLU(SLOPE)]

    shape = nn.Unflatten(1, (1, said["side"], said["side"]))
    generator = nn.Sequential(*hidden(said["latent"]), nn.Linear(width, n), nn.Tanh(), shape)
    mean, log_std = (nn.Linear(width, said["code"]) for _ in range(2))
    return generator, Critic(nn.Sequential(nn.Flatten(), *hidden(n)), mean, log_std, said["code"])


def run(said: dict) -> dict[str, float]:
    """Return the seconds of the updates, and the number of parameters of both nets."""
    torch.set_num_threads(1)
    torch.manual_seed(said["seed"])
    generator, critic = (residual if said["kind"] == "residual" else perceptron)(said)
    optimizer = {"adam": torch.optim.Adam, "rmsprop": torch.optim.RMSprop}[said["optimizer"].pop("name")]
    of_generator = optimizer(generator.parameters(), **said["optimizer"])
    of_critic = optimizer(critic.parameters(), **said["optimizer"])
    averaged, beta, batch = copy.deepcopy(generator).requires_grad_(False), said["beta"], said["batch"]
    images = torch.rand(512, said["channels"], said["side"], said["side"]) * 2 - 1
    started = 0.0
    for update in range(said["updates"] + 1):
        if update == 1:
            started = time.perf_counter()
        real = images[torch.randint(len(images), (batch,))].requires_grad_()
        with torch.no_grad():
            fake = generator(torch.randn(batch, said["latent"]))
        (r, kl_real), (f, kl_fake) = critic(real), critic(fake)
        (slope,) = torch.autograd.grad(r.sum(), real, create_graph=True)
        kl = 0.5 * (kl_real.mean() + kl_fake.mean())
        penalty = said["penalty"] * slope.square().flatten(1).sum(1).mean()
        of_critic.zero_grad()
        (F.softplus(-r).mean() + F.softplus(f).mean() + penalty + beta * kl).backward()
        of_critic.step()
        beta = max(0.0, beta + said["dual_step"] * (kl.item() - said["i_c"]))
        critic.requires_grad_(False)
        of_generator.zero_grad()
        F.softplus(-critic(generator(torch.randn(batch, said["latent"])))[0]).mean().backward()
        of_generator.step()
        critic.requires_grad_(True)
        with torch.no_grad():
            for mean, now in zip(averaged.parameters(), generator.parameters()):
                mean.lerp_(now, 1 - said["decay"])
    seconds = time.perf_counter() - started
    sizes = [sum(p.numel() for p in net.parameters()) for net in (generator, critic)]
    return {"seconds": seconds, "generator": sizes[0], "critic": sizes[1]}


if __name__ == "__main__":
    with Path(sys.argv[1]).open(encoding="utf-8") as file:
        print(json.dumps(run(json.load(file))))
