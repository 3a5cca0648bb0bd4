"""Train a peer once on a Gymnasium robot: `imitation`'s GAIL or stable-baselines3's PPO, in the peer's environment.

    python harness/benchmarks/peer_control.py SETTINGS.json

It is called by `harness.benchmarks.beside` and `.target`, which write the settings. It needs stable-baselines3,
gymnasium with MuJoCo and, for GAIL, `imitation`, but nothing of this project. It prints one line of JSON: the seconds
of training, and the returns of episodes in which the final policy samples its actions; or, with a target, the returns
during training until the target is reached.
"""

from __future__ import annotations

import contextlib
import json
import math
import pathlib
import sys
import time

import gymnasium
import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecNormalize


def make(settings: dict, terminate: bool):
    words = (
        {"terminate_when_unhealthy": terminate} if settings["robot"].startswith(("Hopper", "Walker2d", "Ant")) else {}
    )

    def build():
        env = gymnasium.make(settings["robot"], **words)
        if settings["algorithm"] == "gail":
            from imitation.data.wrappers import RolloutInfoWrapper

            env = RolloutInfoWrapper(env)
        return env

    return build


def worlds(settings: dict, terminate: bool):
    """Return environments that run one after another or, with `cores` above 1, in a process each."""
    kind = SubprocVecEnv if settings.get("cores", 1) > 1 else DummyVecEnv
    env = kind([make(settings, terminate)] * settings["ppo"]["n_envs"])
    env.seed(settings["seed"])
    return env


def ppo(settings: dict, env, **words) -> PPO:
    s = settings["ppo"]
    return PPO(
        "MlpPolicy",
        env,
        learning_rate=s["lr"],
        n_steps=s["horizon"],
        batch_size=s["n_envs"] * s["horizon"] // s["minibatches"],
        n_epochs=s["epochs"],
        gamma=s["gamma"],
        gae_lambda=s["lam"],
        clip_range=s["clip"],
        ent_coef=0.0,
        seed=settings["seed"],
        device="cpu",
        policy_kwargs={
            "net_arch": {"pi": [s["width"]] * 2, "vf": [s["width"]] * 2},
            "log_std_init": math.log(s["initial_std"]),
            **words,
        },
    )


def true_reward(settings: dict):
    """Train PPO with running normalisation of observations and returns, as is usual on these robots."""
    env = VecNormalize(worlds(settings, True), clip_obs=10.0, clip_reward=10.0, gamma=settings["ppo"]["gamma"])
    learner = ppo(settings, env)
    started = time.perf_counter()
    learner.learn(settings["steps"])
    env.training = False
    return time.perf_counter() - started, lambda o: learner.predict(env.normalize_obs(o), deterministic=False)[0]


def gail(settings: dict):
    from imitation.algorithms.adversarial.gail import GAIL
    from imitation.policies.base import NormalizeFeaturesExtractor
    from imitation.rewards.reward_nets import BasicRewardNet
    from imitation.util.networks import RunningNorm

    n_envs, s = settings["ppo"]["n_envs"], settings["gail"]
    env = worlds(settings, False)
    learner = ppo(
        settings,
        env,
        features_extractor_class=NormalizeFeaturesExtractor,
        features_extractor_kwargs={"normalize_class": RunningNorm},
    )
    net = BasicRewardNet(
        env.observation_space,
        env.action_space,
        hid_sizes=[s["width"]] * 2,
        normalize_input_layer=RunningNorm,
    )
    round_size = n_envs * settings["ppo"]["horizon"]
    torch.manual_seed(settings["seed"])
    trainer = GAIL(
        demonstrations=shown(settings),
        demo_batch_size=s["batch"],
        venv=env,
        gen_algo=learner,
        reward_net=net,
        n_disc_updates_per_round=s["steps"],
        gen_train_timesteps=round_size,
        gen_replay_buffer_capacity=round_size,
        disc_opt_kwargs={"lr": s["lr"]},
        log_dir=settings["scratch"],
    )
    started = time.perf_counter()
    trainer.train(settings["steps"])
    return time.perf_counter() - started, lambda o: learner.predict(o, deterministic=False)[0]


def shown(settings: dict) -> list:
    """Return the expert's episodes."""
    from imitation.data.types import TrajectoryWithRew

    with np.load(settings["demonstrations"]) as file:
        parts = [
            file[f"demonstrations/{name}"][0]
            for name in ("observations", "actions", "rewards", "last_observations", "whole")
        ]
    observations, actions, rewards, last, whole = parts
    return [
        TrajectoryWithRew(
            np.concatenate([observations[:, e], last[None, e]]), actions[:, e], None, False, rewards[:, e].astype(float)
        )
        for e in np.flatnonzero(whole)[: settings["episodes"]]
    ]


class Reached(Exception):
    """Raised when the target is reached or the time is over."""


def published(settings: dict) -> dict:
    """Train GAIL with the settings that `imitation` ships for Hopper, and return the mean returns along the way.

    It ends when the mean return of the policy reaches `target`, or after `budget` seconds of training; the clock
    is stopped while a policy is scored.
    """
    from imitation.algorithms.adversarial.gail import GAIL
    from imitation.policies.base import NormalizeFeaturesExtractor
    from imitation.rewards.reward_nets import BasicRewardNet, NormalizedRewardNet
    from imitation.util.networks import RunningNorm

    p = settings["published"]
    env = DummyVecEnv([make(settings, False)] * p["n_envs"])
    env.seed(settings["seed"])
    learner = PPO(
        "MlpPolicy",
        env,
        n_steps=p["round"] // p["n_envs"],
        seed=settings["seed"],
        device="cpu",
        policy_kwargs={
            "net_arch": {"pi": [64, 64], "vf": [64, 64]},
            "activation_fn": torch.nn.ReLU,
            "features_extractor_class": NormalizeFeaturesExtractor,
            "features_extractor_kwargs": {"normalize_class": RunningNorm},
        },
        **p["ppo"],
    )
    net = BasicRewardNet(env.observation_space, env.action_space, normalize_input_layer=RunningNorm)
    torch.manual_seed(settings["seed"])
    trainer = GAIL(
        demonstrations=shown(settings),
        venv=env,
        gen_algo=learner,
        reward_net=NormalizedRewardNet(net, RunningNorm),
        log_dir=settings["scratch"],
        **p["gail"],
    )
    seconds, path, since = 0.0, [], time.perf_counter()

    def score(k: int) -> None:
        nonlocal seconds, since
        steps = (k + 1) * p["round"]
        if steps // settings["every"] == (steps - p["round"]) // settings["every"]:
            return
        seconds += time.perf_counter() - since
        found = returns(settings, lambda o: learner.predict(o, deterministic=False)[0])
        path.append([steps, seconds, sum(found) / len(found)])
        if path[-1][2] >= settings["target"] or seconds > settings["budget"]:
            raise Reached
        since = time.perf_counter()

    with contextlib.suppress(Reached):
        trainer.train(settings["steps"], callback=score)
    return {"path": path}


def returns(settings: dict, act) -> list[float]:
    """Return the returns of episodes that end when Gymnasium ends them."""
    env, found = make(settings, True)(), []
    for k in range(settings["n_episodes"]):
        observation, _ = env.reset(seed=1000 * settings["seed"] + k)
        total, over = 0.0, False
        while not over:
            observation, reward, terminated, truncated, _ = env.step(act(observation[None])[0])
            total, over = total + float(reward), terminated or truncated
        found.append(total)
    return found


def main() -> None:
    with pathlib.Path(sys.argv[1]).open(encoding="utf-8") as file:
        settings = json.load(file)
    torch.set_num_threads(settings.get("cores", 1))
    if "target" in settings:
        print(json.dumps(published(settings)))
        return
    seconds, act = (gail if settings["algorithm"] == "gail" else true_reward)(settings)
    print(json.dumps({"seconds": seconds, "returns": returns(settings, act) if settings["n_episodes"] else []}))


if __name__ == "__main__":
    main()
