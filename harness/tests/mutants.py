"""One injected fault for each correctness trap, and the test that must go red: `make mutants`.

For each row the tree is copied, the one place of `old` replaced by `new`, and only the named test is run.
A fault that no test notices ends the command with status 1, and so does a row whose `old` is no longer there,
or a test that fails in a copy without any fault.
Tests run in processes forked from a server that has torch imported, two at a time.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from harness.run.pins import pin

ROOT = Path(__file__).resolve().parents[2]
COPIED = (
    "harness",
    "baselines",
    "presets",
    "results/data",
    "results/records/c_maze_expert",
    "params.yaml",
    "pyproject.toml",
    "conftest.py",
)
PRELOADED = [
    "torch._dynamo",
    "torch.distributions",
    "sklearn.datasets",
    "scipy.linalg",
    "ruamel.yaml",
    "pydantic",
    "pytest",
]
AT_ONCE = 2


class Mutant(NamedTuple):
    trap: str
    fault: str
    file: str
    old: str
    new: str
    test: str  # below the folder `tests` beside the file's, or from the root


NETS, ADVERSARIAL, CONTROL, FAST = (f"baselines/parts/{room}" for room in ("nets", "adversarial", "control", "fast"))
METHODS, RUN, METRICS = "baselines/methods", "harness/run", "harness/metrics"
CONTRACT = "harness/tests/test_contracts.py::test_contract"

MUTANTS = [
    Mutant(
        "Loss",
        "-log(sigmoid + 1e-8)",
        f"{ADVERSARIAL}/losses.py",
        "lambda r, f: softplus(-f))",
        "lambda r, f: -(f.sigmoid() + 1e-8).log())",
        "test_losses.py::test_non_saturating_keeps_its_gradient_far_away",
    ),
    Mutant(
        "Loss",
        "minimax is non-saturating",
        f"{ADVERSARIAL}/losses.py",
        "lambda r, f: -softplus(f))",
        "lambda r, f: softplus(-f))",
        "test_losses.py::test_formula",
    ),
    Mutant(
        "Loss",
        "accuracy at 0.5 on logits",
        f"{ADVERSARIAL}/adversary.py",
        "(r > middle).float()",
        "(r > middle + 0.5).float()",
        "test_adversary.py::test_accuracy_thresholds_logits_at_zero",
    ),
    Mutant(
        "Players",
        "gradients into the other player",
        f"{NETS}/optim.py",
        ".backward(inputs=self.parameters)",
        ".backward()",
        f"{METHODS}/tests/test_gan.py::test_each_player_moves_in_its_own_step_only",
    ),
    Mutant(
        "Players",
        "fakes not detached",
        f"{ADVERSARIAL}/adversary.py",
        "fake.detach(), draws, tag)",
        "fake, draws, tag)",
        "test_adversary.py::test_fakes_are_detached_in_the_critic_step",
    ),
    Mutant(
        "Players",
        "power iteration in the generator step",
        f"{ADVERSARIAL}/adversary.py",
        "        mean = self.critic.bottleneck is not None",
        "        advance_spectral_norm(self.critic, self.alive)\n        mean = self.critic.bottleneck is not None",
        f"{METHODS}/tests/test_gan.py::test_each_player_moves_in_its_own_step_only",
    ),
    Mutant(
        "Score",
        "a checkpoint scored by the data that chose it",
        "harness/report/records/checkpoints.py",
        "chosen[::-1, None]",
        "chosen[:, None]",
        "harness/report/tables/tests/test_checkpoints.py::test_each_half_scores_what_the_other_chose",
    ),
    Mutant(
        "Score",
        "halves that are the whole",
        f"{METRICS}/halves.py",
        "real.features[half::2]",
        "real.features",
        "test_evaluate.py::test_halves_are_scored_only_if_asked_for_and_each_against_its_own_reals",
    ),
    Mutant(
        "Loss",
        "Wasserstein sign",
        f"{ADVERSARIAL}/losses.py",
        "return f - r",
        "return r - f",
        "test_losses.py::test_a_high_score_means_real",
    ),
    Mutant(
        "Penalty",
        "one epsilon for the batch",
        f"{ADVERSARIAL}/penalties.py",
        "epsilon = epsilon.view",
        "epsilon = epsilon[:, :1].expand_as(epsilon).reshape",
        "test_penalties.py::test_one_epsilon_per_sample",
    ),
    Mutant(
        "Penalty",
        "norm over the last axis",
        f"{ADVERSARIAL}/penalties.py",
        "gradient.flatten(2).square().sum(2)",
        "gradient.square().sum(-1).flatten(2).mean(2)",
        "test_penalties.py::test_interpolated_on_a_linear_critic",
    ),
    Mutant(
        "Penalty",
        "plain square root",
        f"{ADVERSARIAL}/penalties.py",
        "(squared + TINY).sqrt()",
        "squared.sqrt()",
        "test_penalties.py::test_finite_where_the_gradient_vanishes",
    ),
    Mutant(
        "Penalty",
        "no double backward",
        f"{ADVERSARIAL}/penalties.py",
        "create_graph=True)",
        "retain_graph=True)",
        "test_penalties.py::test_double_backward_agrees_with_finite_differences",
    ),
    Mutant(
        "Penalty",
        "the half convention ignored",
        f"{ADVERSARIAL}/penalties.py",
        "(0.5 if self.half else 1.0)",
        "1.0",
        "test_penalties.py::test_zero_centred_on_a_linear_critic",
    ),
    Mutant(
        "Penalty",
        "its weight lost",
        f"{ADVERSARIAL}/adversary.py",
        "params.r1.coefficient * squared",
        "squared",
        "test_adversary.py::test_r1_and_r2_weigh_their_own_side",
    ),
    Mutant(
        "Spectral",
        "multiplied by sigma",
        "baselines/parts/layers.py",
        "self.weight / sigma.view",
        "self.weight * sigma.view",
        f"{ADVERSARIAL}/tests/test_spectral.py::test_top_singular_value",
    ),
    Mutant(
        "Spectral",
        "vectors move in each forward",
        f"{ADVERSARIAL}/spectral.py",
        '        return torch.einsum("so,soi,si->s"',
        "        self.advance(weight, torch.ones(len(weight), dtype=torch.bool))\n"
        '        return torch.einsum("so,soi,si->s"',
        "test_spectral.py::test_vectors_are_saved_and_frozen_when_not_advanced",
    ),
    Mutant(
        "Spectral",
        "vectors not saved",
        f"{ADVERSARIAL}/spectral.py",
        'self.register_buffer("u", torch.zeros(matrix.shape[:2]))',
        'self.register_buffer("u", torch.zeros(matrix.shape[:2]), persistent=False)',
        "test_spectral.py::test_vectors_are_saved_and_frozen_when_not_advanced",
    ),
    Mutant(
        "Spectral",
        "vectors shared with the graph",
        f"{ADVERSARIAL}/spectral.py",
        "self.u.clone(), weight.flatten(2), self.v.clone()",
        "self.u, weight.flatten(2), self.v",
        "test_spectral.py::test_double_backward_by_finite_differences",
    ),
    Mutant(
        "RSGAN",
        "absolute scores",
        f"{ADVERSARIAL}/losses.py",
        "return softplus(f - r)",
        "return softplus(-r) + 0 * f",
        "test_losses.py::test_values_at_equal_scores",
    ),
    Mutant(
        "RSGAN",
        "generator does not swap",
        f"{ADVERSARIAL}/losses.py",
        '"rsgan": Loss(_rsgan, _swap_sides(_rsgan)',
        '"rsgan": Loss(_rsgan, _rsgan',
        "test_losses.py::test_a_high_score_means_real",
    ),
    Mutant(
        "RSGAN",
        "RaGAN by pairs",
        f"{ADVERSARIAL}/losses.py",
        "softplus(-(r - _mean(f))) + softplus(f - _mean(r))",
        "softplus(f - r) + softplus(f - r)",
        "test_losses.py::test_average_relativistic_losses_read_batch_means",
    ),
    Mutant(
        "RSGAN",
        "no fresh real batch",
        f"{METHODS}/gan.py",
        "if self.adversary.needs_real else None",
        "if self.adversary.needs_real and k else real",
        "test_gan.py::test_batches_of_a_step",
    ),
    Mutant(
        "EMA",
        "buffers left out",
        f"{NETS}/ema.py",
        "yield from net.buffers()",
        "yield from ()",
        "test_ema.py::test_average_of_parameters_and_buffers",
    ),
    Mutant(
        "EMA",
        "half-life in steps",
        f"{NETS}/ema.py",
        "0.5 ** (batch / self.half_life_images)",
        "0.5 ** (1 / self.half_life_images)",
        "test_ema.py::test_half_life",
    ),
    Mutant(
        "EMA",
        "the raw generator is scored",
        f"{METHODS}/gan.py",
        "return self.ema.net(",
        "return self.generator(",
        "test_gan.py::test_the_averaged_generator_is_scored",
    ),
    Mutant(
        "Data",
        "a flip draw for each pixel",
        "harness/tasks/pixels.py",
        'draws.uniform("data", f"{name}/flip", x.shape[1:2]) < 0.5\n'
        "        x = torch.where(mirrored[:, :, None, None, None]",
        'draws.uniform("data", f"{name}/flip", x.shape[1:]) < 0.5\n        x = torch.where(mirrored',
        "test_pixels.py::test_flip_mirrors_whole_images_about_half_of_them",
    ),
    Mutant(
        "Score",
        "legacy net sees [0, 1]",
        f"{METRICS}/encoders/vdb_legacy.py",
        "(x * self.scale + self.shift)",
        "((x + 1) / 2 * self.scale + self.shift)",
        "harness/metrics/tests/test_encoders.py::test_legacy_applies_torchvisions_affine_to_minus_1_to_1",
    ),
    Mutant(
        "Score",
        "weights of any hash",
        f"{METRICS}/encoders/base.py",
        "if found != expected:",
        "if not found:",
        "harness/metrics/tests/test_encoders.py::test_a_wrong_hash_is_refused",
    ),
    Mutant(
        "Score",
        "covariance by N",
        f"{METRICS}/distances.py",
        "x.T @ x / (n - 1)",
        "x.T @ x / n",
        "test_distances.py::test_moments_divide_by_n_minus_1_in_float64",
    ),
    Mutant(
        "Score",
        "float32",
        f"{METRICS}/distances.py",
        "    x = np.asarray(features, np.float64)\n    mean",
        "    x = np.asarray(features, np.float32)\n    mean",
        "test_distances.py::test_moments_divide_by_n_minus_1_in_float64",
    ),
    Mutant(
        "Score",
        "no means",
        f"{METRICS}/distances.py",
        "shift = reference.mean - mean",
        "shift = 0 * mean",
        "test_distances.py::test_diagonal_gaussians",
    ),
    Mutant(
        "Score",
        "N rounded up to whole chunks",
        f"{METRICS}/image_evaluation.py",
        "min(CHUNK, self.n_fake - first)",
        "CHUNK",
        "test_evaluate.py::test_exactly_n_images_are_generated",
    ),
    Mutant(
        "Score",
        "N <= d accepted",
        f"{METRICS}/distances.py",
        "if n <= d and not allow_few:",
        "if n < d and not allow_few:",
        "test_distances.py::test_too_few_samples_are_refused_unless_allowed",
    ),
    Mutant(
        "Score",
        "pixels cut, not rounded",
        f"{METRICS}/image_evaluation.py",
        ".clamp(0, 1)).round().to(",
        ".clamp(0, 1)).to(",
        "test_evaluate.py::test_pixels_are_rounded_by_no_images_own_range",
    ),
    Mutant(
        "Score",
        "a sample is its own neighbour",
        f"{METRICS}/neighbours.py",
        "        np.fill_diagonal(squares[:, i:], np.inf)\n",
        "",
        "test_neighbours.py::test_radii_leave_out_the_sample_itself",
    ),
    Mutant(
        "Score",
        "precision and recall swapped",
        f"{METRICS}/neighbours.py",
        "float((balls > 0).mean()), float(recalled / len(real))",
        "float(recalled / len(real)), float((balls > 0).mean())",
        "test_neighbours.py::test_precision_and_recall_are_not_swapped",
    ),
    Mutant(
        "Score",
        "biased KID",
        f"{METRICS}/distances.py",
        "(total - own.sum()) / (len(x) * (len(x) - 1))",
        "total / len(x) ** 2",
        "test_distances.py::test_kid_against_a_double_loop",
    ),
    Mutant(
        "Score",
        "scoring moves beta",
        f"{METHODS}/vib.py",
        "        x = x.expand(len(self.alive), *x.shape)\n",
        "        x = x.expand(len(self.alive), *x.shape)\n        self.net.decoder.bias.data += 1e-6\n",
        CONTRACT + "[vib_digits/vib-scoring]",
    ),
    Mutant(
        "Bottleneck",
        "twice the KL",
        "harness/maths/gaussian.py",
        "0.5 * (mean.square() + torch.expm1(2.0 * log_std)) - log_std",
        "mean.square() + torch.expm1(2.0 * log_std) - 2 * log_std",
        "test_gaussian.py::test_closed_forms",
    ),
    Mutant(
        "Bottleneck",
        "positions summed",
        f"{ADVERSARIAL}/bottleneck.py",
        'if self.params.kl_reduce == "per_position"',
        'if self.params.kl_reduce == "position"',
        "test_bottleneck.py::test_kl_of_each_sample",
    ),
    Mutant(
        "Bottleneck",
        "mean over the code",
        f"{ADVERSARIAL}/bottleneck.py",
        "kl.sum(2, keepdim=True)",
        "kl.mean(2, keepdim=True)",
        "test_bottleneck.py::test_kl_of_each_sample",
    ),
    Mutant(
        "Bottleneck",
        "sign of the dual step",
        f"{ADVERSARIAL}/bottleneck.py",
        "(kl - self.params.i_c)",
        "(self.params.i_c - kl)",
        "test_bottleneck.py::test_dual_step",
    ),
    Mutant(
        "Bottleneck",
        "beta below zero",
        f"{ADVERSARIAL}/bottleneck.py",
        ".clamp_min(0.0)",
        "",
        "test_bottleneck.py::test_dual_step",
    ),
    Mutant(
        "Bottleneck",
        "beta moves before the loss",
        f"{ADVERSARIAL}/adversary.py",
        "            kl = 0.5 * (kl_real + kl_fake)\n",
        "            kl = 0.5 * (kl_real + kl_fake)\n            self.critic.code.dual_step(kl, self.alive)\n",
        "test_adversary.py::test_the_loss_uses_the_old_beta",
    ),
    Mutant(
        "Bottleneck",
        "beta is no state",
        f"{ADVERSARIAL}/bottleneck.py",
        "torch.full((n_seeds,), params.beta))",
        "torch.full((n_seeds,), params.beta), persistent=False)",
        "test_bottleneck.py::test_beta_is_part_of_the_state",
    ),
    Mutant(
        "Bottleneck",
        "a sampler without gradient",
        "harness/maths/gaussian.py",
        "return mean + log_std.exp() * noise",
        "return (mean + log_std.exp() * noise).detach() + 0 * mean * log_std",
        f"{ADVERSARIAL}/tests/test_bottleneck.py::test_gradients_through_the_sample_by_finite_differences",
    ),
    Mutant(
        "Bottleneck",
        "sigma squared",
        "harness/maths/gaussian.py",
        "log_std.exp() * noise",
        "(2 * log_std).exp() * noise",
        "test_gaussian.py::test_sample_is_mean_plus_std_times_noise",
    ),
    Mutant(
        "Bottleneck",
        "the generator meets the mean",
        f"{ADVERSARIAL}/adversary.py",
        'generator_z == "mean"',
        'generator_z != "mean"',
        "test_adversary.py::test_noise_is_on_for_critic_and_generator",
    ),
    Mutant(
        "Bottleneck",
        "one noise for real and fake",
        f"{ADVERSARIAL}/adversary.py",
        'draws, f"{tag}/fake")\n        r, f',
        'draws, f"{tag}/real")\n        r, f',
        "test_adversary.py::test_equal_inputs_meet_noise_of_their_own",
    ),
    Mutant(
        "Bottleneck",
        "noise cannot be turned off",
        f"{ADVERSARIAL}/bottleneck.py",
        "noise is None or not self.params.noise",
        "noise is None",
        "test_bottleneck.py::test_noise_off_is_the_plain_code",
    ),
    Mutant(
        "Bottleneck",
        "beta not clamped at a far bound",
        f"{ADVERSARIAL}/bottleneck.py",
        "torch.where(alive, moved, self.beta)",
        "torch.where(alive, moved.clamp_min(1e-3), self.beta)",
        "test_adversary.py::test_a_bound_out_of_reach_drives_beta_to_zero",
    ),
    Mutant(
        "Bottleneck",
        "KL of the fakes only",
        f"{ADVERSARIAL}/adversary.py",
        "kl = 0.5 * (kl_real + kl_fake)",
        "kl = kl_fake",
        "test_adversary.py::test_objective_is_the_sum_of_its_parts",
    ),
    Mutant(
        "Bottleneck",
        "penalty through the mean",
        f"{ADVERSARIAL}/adversary.py",
        "squared_gradient(r, real)",
        'squared_gradient(self.critic.score(self.critic.encode(real, None, "").z), real)',
        "test_adversary.py::test_penalty_is_taken_through_the_sampled_code",
    ),
    Mutant(
        "Resume",
        "no optimiser in the checkpoint",
        f"{RUN}/train.py",
        'optimizer.load_state_dict(_on_device(state["optimizers"][name], optimizer))',
        "pass",
        "test_train.py::test_resume_is_bit_equal",
    ),
    Mutant(
        "Resume",
        "sums of logs lost",
        f"{RUN}/train.py",
        "run.pending = {k: v.to(method.alive.device) for k, v in run.pending.items()}",
        "run.pending, run.pending_steps = {}, 0",
        "test_train.py::test_resume_is_bit_equal",
    ),
    Mutant(
        "Resume",
        "renamed before it is synced",
        "harness/files.py",
        "            os.fsync(file.fileno())\n",
        "",
        "harness/tests/test_files.py::test_synced_before_renamed",
    ),
    Mutant(
        "Resume",
        "written in place",
        "harness/files.py",
        'path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}{ASIDE}").open("xb")',
        'path.open("wb")',
        "harness/tests/test_files.py::test_a_failure_leaves_the_old_file",
    ),
    Mutant(
        "Resume",
        "any parameters are taken",
        f"{RUN}/checkpoint.py",
        "if theirs.get(k) != identity.get(k)):",
        "if not theirs):",
        "test_checkpoint.py::test_another_run_names_what_differs",
    ),
    Mutant(
        "Resume",
        "the digest is not looked at",
        f"{RUN}/checkpoint.py",
        "whole = content[:HEADER] == MAGIC + hashlib.sha256(payload).digest()",
        "whole = content.startswith(MAGIC)",
        "test_checkpoint.py::test_every_flipped_bit_and_every_truncation_is_refused",
    ),
    Mutant(
        "Resume",
        "one generation of checkpoints",
        f"{RUN}/train.py",
        "_state(run, method, source), previous)",
        "_state(run, method, source))",
        "test_train.py::test_what_is_damaged_is_refused_and_the_run_ends_bit_equal",
    ),
    Mutant(
        "Stack",
        "one norm for all seeds",
        f"{NETS}/optim.py",
        "torch.linalg.vector_norm(in_memory(x).flatten(1), dim=1)",
        "x.norm().expand(len(x))",
        "test_optim.py::test_norm_is_per_seed",
    ),
    Mutant(
        "Stack",
        "one seed's long gradient shortens all",
        f"{NETS}/optim.py",
        "(self.params.clip_norm / (norm + 1e-6))",
        "(self.params.clip_norm / (norm.max() + 1e-6)).expand_as(norm)",
        "test_optim.py::test_a_long_gradient_is_shortened_for_its_seed_alone",
    ),
    Mutant(
        "Resume",
        "moments of before the load",
        f"{FAST}/optimisers.py",
        "        super().load_state_dict(state_dict)\n        self._gathered = []",
        "        super().load_state_dict(state_dict)",
        "test_optimisers.py::test_adam_goes_on_after_its_state_was_loaded",
    ),
    Mutant(
        "Stack",
        "a dead seed moves",
        f"{NETS}/optim.py",
        "            self._step_alive()",
        "            self.optimizer.step()",
        "test_optim.py::test_a_seed_that_is_not_finite_is_held_and_the_others_do_not_notice",
    ),
    Mutant(
        "Stack",
        "initial weights by place",
        f"{RUN}/seeds.py",
        "self._words = torch.tensor(self.seeds, ",
        "self._words = torch.tensor(range(len(self.seeds)), ",
        CONTRACT + "[digits8/gan-stacking]",
    ),
    Mutant(
        "Stack",
        "rounding excuses a mixture of seeds",
        "harness/checks/stacking.py",
        "TOLERANCE, DOUBLE = 2e-4, 1e-6",
        "TOLERANCE, DOUBLE = 2e-4, 1e6",
        "test_stacking.py::test_a_fault_shows_in_double_precision_too",
    ),
    Mutant(
        "Stack",
        "batch means over seeds",
        f"{ADVERSARIAL}/losses.py",
        "return x.mean(1, keepdim=True)",
        "return x.mean()",
        "test_losses.py::test_average_relativistic_losses_read_batch_means",
    ),
    Mutant(
        "Imitation",
        "log D for -log(1 - D)",
        f"{ADVERSARIAL}/gail.py",
        '"softplus": F.softplus',
        '"softplus": lambda score: -F.softplus(-score)',
        "test_discriminators.py::test_rewards_of_gail_over_a_table_of_logits",
    ),
    Mutant(
        "Imitation",
        "GAIL without the action",
        f"{ADVERSARIAL}/gail.py",
        '"sa": (here, rows.actions)',
        '"sa": (here, 0 * rows.actions)',
        "test_discriminators.py::test_what_gail_sees",
    ),
    Mutant(
        "AIRL",
        "log pi left out of the logit",
        f"{ADVERSARIAL}/airl.py",
        "logit = f - torch.cat(log_pi, 1)",
        "logit = f",
        "test_discriminators.py::test_the_logit_makes_d_the_ratio_of_exp_f_to_pi",
    ),
    Mutant(
        "AIRL",
        "shaping beyond a terminal state",
        f"{ADVERSARIAL}/airl.py",
        "params.gamma * (~rows.terminated) * after",
        "params.gamma * after",
        "test_discriminators.py::test_f_is_reward_plus_shaping_and_stops_at_a_terminal_state",
    ),
    Mutant(
        "AIRL",
        "no discount in f",
        f"{ADVERSARIAL}/airl.py",
        "params.gamma * (~rows.terminated) * after",
        "(~rows.terminated) * after",
        "test_discriminators.py::test_f_is_reward_plus_shaping_and_stops_at_a_terminal_state",
    ),
    Mutant(
        "AIRL",
        "padding where it was not asked for",
        f"{CONTROL}/transitions.py",
        'if last_next == "zeros":',
        "if last_next:",
        f"{ADVERSARIAL}/tests/test_discriminators.py::test_the_last_next_observation_is_padded_or_seen",
    ),
    Mutant(
        "AIRL",
        "the shaped reward is paid",
        f"{ADVERSARIAL}/airl.py",
        'if form == "g":',
        'if form == "f_":',
        "test_discriminators.py::test_the_policy_is_paid_in_the_form_that_is_named",
    ),
    Mutant(
        "AIRL",
        "f is what transfers",
        f"{ADVERSARIAL}/discriminators.py",
        "        return net.g\n",
        '        return lambda o, a: net._f(_without_next(o, a), None, "")[0]\n',
        "test_discriminators.py::test_the_learnt_reward_is_that_of_states_and_actions",
    ),
    Mutant(
        "Bottleneck",
        "one KL of three",
        f"{ADVERSARIAL}/airl.py",
        "kl = kl + kl_after + kl_here",
        "kl = kl + kl_here",
        "test_discriminators.py::test_three_kls_share_one_bound_or_the_rewards_alone_has_it",
    ),
    Mutant(
        "Bottleneck",
        "no dual step in AIRL",
        f"{ADVERSARIAL}/airl.py",
        '            bottleneck.dual_step(logs["kl"], self.alive)\n',
        "",
        "test_discriminators.py::test_the_dual_step_follows_the_optimisers",
    ),
    Mutant(
        "Penalty",
        "AIRL's penalty on both sides",
        f"{ADVERSARIAL}/airl.py",
        "squared_gradient(score, x)[:, :n]",
        "squared_gradient(score, x)",
        "test_discriminators.py::test_the_penalty_is_on_the_experts_states_in_all_three_encodings",
    ),
    Mutant(
        "Replay",
        "the oldest goes first",
        f"{ADVERSARIAL}/replay.py",
        "clamp(1, n) - 1",
        "clamp(1, n) * 0",
        "test_discriminators.py::test_newer_paths_are_likelier_to_go",
    ),
    Mutant(
        "Replay",
        "rows of several paths mixed",
        f"{ADVERSARIAL}/replay.py",
        "paths = part.unflatten(1, (n_paths, self.length))[:, :taken]",
        "paths = part.unflatten(1, (self.length, n_paths)).transpose(1, 2)[:, :taken]",
        "test_discriminators.py::test_replay_mixes_as_many_old_rows_and_keeps_whole_paths",
    ),
    Mutant(
        "Imitation",
        "no rows of control",
        "harness/plan/controls.py",
        'block.get("termination") != "restart"',
        'block.get("termination") != "ends"',
        "test_controls.py::test_they_stand_beside_imitation_where_episodes_may_end",
    ),
    Mutant(
        "Imitation",
        "the blind row sees",
        f"{METHODS}/imitation.py",
        'net | {"input": "none"}',
        'net | {"input": "sa"}',
        "test_endings.py::test_the_rows_of_control_beside_a_block",
    ),
    Mutant(
        "Imitation",
        "the absorbing state is left again",
        "harness/tasks/locomotion.py",
        "absorbed |= ~healthy",
        "absorbed = ~healthy",
        "test_locomotion.py::test_an_absorbing_state_lasts_until_the_horizon",
    ),
    Mutant(
        "Imitation",
        "the absorbing state has no mark",
        "harness/tasks/locomotion.py",
        "absorbed[:, None]], 1)",
        "0 * absorbed[:, None]], 1)",
        "test_locomotion.py::test_an_absorbing_state_lasts_until_the_horizon",
    ),
    Mutant(
        "Imitation",
        "paid before the discriminator has learnt",
        f"{METHODS}/imitation.py",
        'if params.order == "discriminator_first":',
        'if params.order == "policy_first":',
        "test_imitation.py::test_the_order_decides_which_discriminator_pays",
    ),
    Mutant(
        "Imitation",
        "the next state as it is",
        f"{CONTROL}/transitions.py",
        "next_observations=see(self.next_observations)",
        "next_observations=self.next_observations",
        "test_normaliser.py::test_the_discriminator_meets_s_and_next_s_by_the_same_numbers",
    ),
    Mutant(
        "Imitation",
        "the expert as it is",
        f"{METHODS}/imitation.py",
        '"rows", steps, n_expert).flatten(1)).map_observations(see)',
        '"rows", steps, n_expert).flatten(1))',
        "baselines/parts/control/tests/test_normaliser.py::test_the_discriminator_meets_s_and_next_s_by_the_same_numbers",
    ),
    Mutant(
        "Imitation",
        "the expert's observations do not count",
        f"{CONTROL}/learner.py",
        'if self._normalises_by("both"):',
        "if False:",
        "test_normaliser.py::test_whose_observations_count",
    ),
    Mutant(
        "Imitation",
        "the mean taken off rewards",
        f"{CONTROL}/normaliser.py",
        "return (rewards / self.std.float().unsqueeze(2))",
        "return ((rewards - self.mean.float().unsqueeze(2)) / self.std.float().unsqueeze(2))",
        "test_normaliser.py::test_rewards_are_divided_by_the_spread_of_the_return_and_keep_their_sign",
    ),
    Mutant(
        "Policy",
        "a value beyond the end",
        "harness/maths/returns.py",
        "torch.where(terminated, 0.0, next_values)",
        "next_values",
        "test_returns.py::test_ends",
    ),
    Mutant(
        "Policy",
        "a time limit is an end",
        "harness/maths/returns.py",
        "torch.where(terminated, 0.0",
        "torch.where(terminated | truncated, 0.0",
        "test_returns.py::test_ends",
    ),
    Mutant(
        "Policy",
        "the normaliser moves within an update",
        f"{CONTROL}/learner.py",
        "        seen = self.see(rollout.observations)\n",
        "        self.see.absorb(rollout.observations.flatten(1, 2), alive)\n"
        "        seen = self.see(rollout.observations)\n",
        "test_normaliser.py::test_it_stands_still_within_an_update",
    ),
    Mutant(
        "Policy",
        "advantages over all seeds",
        "harness/maths/returns.py",
        "advantages.std(1, correction=0, keepdim=True)",
        "advantages.std(correction=0)",
        "test_returns.py::test_normalise",
    ),
    Mutant(
        "Init",
        "signs of the decomposition",
        f"{NETS}/orthogonal.py",
        " * r.diagonal(dim1=1, dim2=2).sign().unsqueeze(1)",
        "",
        "test_orthogonal.py::test_directions_are_even",
    ),
    Mutant(
        "Policy",
        "the scope of advantages is not the named one",
        f"{CONTROL}/ppo.py",
        'if params.minibatch_advantages == "standardised":',
        "if False:",
        "test_ppo.py::test_advantages_standardised_by_minibatch_forget_their_scale_and_mean",
    ),
    Mutant(
        "Policy",
        "one seed's KL stops all",
        f"{CONTROL}/ppo.py",
        "(self._kl(o, tuple(before)) > params.kl_limit)",
        "(self._kl(o, tuple(before)) > params.kl_limit).any()",
        "test_ppo.py::test_a_seed_stops_by_its_own_kl_and_moves_again_at_the_next_update",
    ),
    Mutant(
        "Policy",
        "the environment gets what was drawn",
        "harness/tasks/locomotion.py",
        "xp.clip(drawn, low, high)",
        "drawn",
        "test_locomotion.py::test_the_action_is_cut_for_the_environment_and_kept_as_drawn",
    ),
    Mutant(
        "Policy",
        "half the Fisher information of log std",
        f"{CONTROL}/policy.py",
        "2 * tangent[1]",
        "tangent[1]",
        "test_trpo.py::test_fisher_product_is_that_of_the_explicit_matrix",
    ),
    Mutant(
        "Policy",
        "a step too short",
        f"{CONTROL}/trpo.py",
        "(2 * params.trust_region / ",
        "(params.trust_region / ",
        "test_trpo.py::test_the_first_try_has_the_length_of_the_trust_region",
    ),
    Mutant(
        "Policy",
        "any step is taken",
        f"{CONTROL}/trpo.py",
        "self.alive & (gain_now > 0) & (kl_now <= self.params.trust_region)",
        "self.alive",
        "test_trpo.py::test_a_line_search_that_fails_keeps_the_parameters",
    ),
    Mutant(
        "Policy",
        "GPU physics is bit-exact",
        "harness/places/score.py",
        'return "statistical"',
        'return "bit-exact"',
        "test_cells.py::test_the_tier_of_a_record",
    ),
    Mutant(
        "AIRL",
        "log pi averaged over dimensions",
        f"{CONTROL}/policy.py",
        "(0.5 * z.square() + log_std).sum(2)",
        "(0.5 * z.square() + log_std).mean(2)",
        "test_policy.py::test_densities_kl_and_entropy_are_those_of_torch",
    ),
    Mutant(
        "Draws",
        "nine rounds of Philox",
        "harness/maths/philox.py",
        "rounds: int = 10",
        "rounds: int = 9",
        "test_philox.py::test_known_answers",
    ),
    Mutant(
        "Draws",
        "nine rounds of Philox in compiled code",
        "harness/maths/philox_c.py",
        "round < 10",
        "round < 9",
        "test_philox.py::test_compiled_words_are_those_of_tensor_operations",
    ),
    Mutant(
        "Draws",
        "nine rounds of Philox on a GPU",
        "harness/maths/philox_triton.py",
        "tl.static_range(10)",
        "tl.static_range(9)",
        "test_philox.py::test_triton_kernel_makes_the_same_words",
    ),
    Mutant(
        "Draws",
        "the step is not in the key",
        f"{RUN}/seeds.py",
        "high=steps & MASK, highest=steps >> 32",
        "high=0 * steps",
        "test_seeds.py::test_everything_in_the_key_changes_the_draw",
    ),
    Mutant(
        "Draws",
        "the stream is not in the key",
        f"{RUN}/seeds.py",
        'f"{self.scope}/{stream}/{name}"',
        'f"{self.scope}/{name}"',
        "test_seeds.py::test_everything_in_the_key_changes_the_draw",
    ),
    Mutant("Draws", "epochs repeat", f"{RUN}/seeds.py", "n, high=epoch)", "n)", "test_seeds.py::test_permutation"),
    Mutant(
        "Draws",
        "torch's global generator",
        f"{METHODS}/gan.py",
        'return draws.normal("latent", tag, (self.params.batch, self.params.latent))',
        "return torch.randn(draws.n_seeds, self.params.batch, self.params.latent)",
        CONTRACT + "[digits8/gan-draws]",
    ),
    Mutant(
        "Draws",
        "evaluation moves the step",
        f"{RUN}/seeds.py",
        "        other.step = step\n        return other",
        "        self.step = step\n        other.step = step\n        return other",
        "test_seeds.py::test_at_moves_nothing",
    ),
    Mutant(
        "Twice",
        "penalty blind to one weight's part",
        f"{FAST}/convolve.py",
        "_WeightGradient.apply(dy, ddx, weight, ctx.g)",
        "0 * _WeightGradient.apply(dy, ddx, weight, ctx.g)",
        "test_convolve.py::test_values_and_both_derivatives",
    ),
    Mutant(
        "Twice",
        "weight gradient constant in x",
        f"{FAST}/convolve.py",
        "dx = _InputGradient.apply(dy, ddw, x, ctx.g) if ctx.needs_input_grad[1] else None",
        "dx = None",
        "test_convolve.py::test_derivatives_by_finite_differences",
    ),
    Mutant(
        "Twice",
        "the layer's stride forgotten",
        f"{FAST}/convolve.py",
        "[g.stride] * 2, [g.padding] * 2",
        "[1] * 2, [g.padding] * 2",
        "test_convolve.py::test_values_and_both_derivatives",
    ),
    Mutant(
        "Ways",
        "every group with the first seed's bias",
        f"{FAST}/maps.py",
        "bias.flatten()",
        "bias[:1].expand_as(bias).flatten()",
        "test_maps.py::test_each_seed_has_its_own_convolution",
    ),
    Mutant(
        "Ways",
        "windows' pixels in another order than the weights",
        f"{FAST}/maps.py",
        "permute(0, 1, 2, 4, 5, 3)",
        "permute(0, 1, 2, 5, 4, 3)",
        "test_maps.py::test_each_seed_has_its_own_convolution",
    ),
    Mutant(
        "Ways",
        "stacked before the branches are done",
        f"{FAST}/maps.py",
        "            caller.wait_stream(stream)",
        "            pass",
        "test_maps.py::test_branches_fork_and_join",
    ),
    Mutant(
        "Ways",
        "weights given away while a branch reads them",
        f"{FAST}/maps.py",
        "self.receive(weights[k])",
        "weights[k]",
        "test_maps.py::test_branches_fork_and_join",
    ),
    Mutant(
        "Written",
        "the surrogate is not clipped",
        f"{FAST}/written_out.py",
        "torch.where(free <= held, free, 0.0)",
        "free",
        "test_written_out.py::test_clipped_surrogate",
    ),
    Mutant(
        "Written",
        "log std lacks its normaliser",
        f"{FAST}/written_out.py",
        "(slope * (squares - 1))",
        "(slope * squares)",
        "test_written_out.py::test_clipped_surrogate",
    ),
    Mutant(
        "Written",
        "a clipped value moves on",
        f"{FAST}/written_out.py",
        "torch.where(moved == value - old, held, 0.0)",
        "held",
        "test_written_out.py::test_squared_error",
    ),
    Mutant(
        "Plain",
        "the switch does nothing",
        f"{FAST}/switch.py",
        'return value == "1"',
        "return False",
        "test_switch.py::test_updates_of_ppo",
    ),
    Mutant(
        "Init",
        "optimisers before the weights",
        "harness/contracts.py",
        "        initialise(self, draws)\n        self.to(device)\n        bind(self, self.alive)",
        "        bind(self, self.alive)\n        initialise(self, draws)\n        self.to(device)",
        "harness/tests/test_method.py::test_ready_fills_the_weights_and_then_binds_every_part_to_the_one_buffer",
    ),
    Mutant(
        "Capture",
        "the clock is another tensor each step",
        f"{RUN}/seeds.py",
        "self.clock.fill_(step)",
        "self.clock = torch.tensor(step)",
        "harness/tests/test_capture.py::test_the_clock_follows_the_step_inside_a_recorded_computation",
    ),
    Mutant(
        "Capture",
        "draws kept from before the capture",
        f"{RUN}/seeds.py",
        "        self.forget()\n        self._clocked = True",
        "        self._clocked = True",
        "harness/tests/test_capture.py::test_orders_kept_from_before_are_not_recorded",
    ),
    Mutant(
        "Capture",
        "the schedule is read on the host",
        f"{ADVERSARIAL}/noise.py",
        "(left.clamp_min(0.0) if",
        "(max(0.0, float(left)) if",
        "harness/tests/test_capture.py::test_schedules_take_a_step_on_the_device",
    ),
    Mutant(
        "Capture",
        "sums share the replay's memory",
        f"{RUN}/train.py",
        "run.pending |= {name: run.pending.get(name, 0.0) + value for name, value in values.items()}",
        "run.pending |= values",
        "harness/tests/test_capture.py::test_logs_that_a_replay_writes_in_place_are_summed_apart",
    ),
    Mutant(
        "Device",
        "each step is looked at",
        "harness/tasks/locomotion.py",
        "not all_known(healthy)",
        "not healthy.all()",
        "test_locomotion.py::test_a_rollout_on_the_device_is_that_in_numpy_and_looks_at_nothing",
    ),
    Mutant(
        "Imitation",
        "AMP's reward about -1",
        f"{ADVERSARIAL}/gail.py",
        "(1.0 - (score - 1.0)",
        "(1.0 - (score + 1.0)",
        "test_discriminators.py::test_amps_reward_and_its_middle",
    ),
    Mutant(
        "Seal",
        "an edited file is believed",
        "harness/seal.py",
        "if _digest(packed.contents(folder / name)) != held[name]:",
        "if not held[name]:",
        "test_seal.py::test_damage_is_told_by_all_that_read_records",
    ),
    Mutant(
        "Seal",
        "an edited file of a packed block is believed",
        "harness/workspace/pack.py",
        "held != sums(files)",
        "not held",
        "test_pack.py::test_the_place_where_a_packed_block_was_made_cannot_be_changed",
    ),
    Mutant(
        "Device",
        "a start serves twice",
        "harness/tasks/acting.py",
        "        self.most += 1\n",
        "",
        "test_locomotion.py::test_a_world_starts_where_its_own_count_says",
    ),
    Mutant(
        "Device",
        "conjugate gradients wait",
        f"{CONTROL}/trpo.py",
        "if all_known(~running):",
        "if not bool(running.any()):",
        "harness/tests/test_capture.py::test_updates_of_what_acts_look_seldom",
    ),
    Mutant(
        "Bits",
        "TF32 in fp32",
        f"{RUN}/device.py",
        '= precision == "tf32"\n',
        "= True\n",
        "test_device.py::test_fp32_keeps_tf32_out_of_convolutions_and_puts_things_back",
    ),
    Mutant(
        "Bits",
        "weights of before the step",
        f"{RUN}/device.py",
        "cache_enabled=False",
        "cache_enabled=True",
        "test_device.py::test_bf16_follows_weights_that_move_within_an_update",
    ),
    Mutant(
        "Cluster",
        "a part under another key",
        "harness/places/errand.py",
        "value.head.scoring_key) != self.keys:",
        "value.head.scoring_key) is None:",
        "test_parts.py::test_what_comes_back_under_another_key_is_a_fault",
    ),
    Mutant(
        "Cluster",
        "a node makes another key",
        "harness/places/parts.py",
        "if ours != theirs:",
        "if ours is None:",
        "test_parts.py::test_another_key_is_refused_before_a_step_is_made",
    ),
    Mutant(
        "Cluster",
        "the first block's status alone",
        "harness/places/joined.py",
        'for name in ("status", "state_hashes"',
        'for name in ("state_hashes"',
        "test_parts.py::test_parts_make_the_record_that_the_whole_cell_makes",
    ),
    Mutant(
        "Cluster",
        "demonstrations of every block",
        "harness/places/parts.py",
        "method.artefacts(), index)",
        "method.artefacts(), 0)",
        "test_parts.py::test_parts_make_the_record_that_the_whole_cell_makes",
    ),
    Mutant(
        "Cluster",
        "kinds of processor taken for one",
        "harness/places/joined.py",
        "if len(kinds) == 1 else",
        "if kinds else",
        "test_parts.py::test_blocks_of_several_kinds_of_processor_are_not_bit_exact",
    ),
    Mutant(
        "Cluster",
        "data of another hash",
        "harness/places/cluster/home.py",
        "train.load_task.cache_clear()  # its key is the name of the task, not the folder\n",
        "return load()\n",
        "harness/places/tests/test_cluster.py::test_data_are_taken_where_their_hash_is_right",
    ),
    Mutant(
        "Cluster",
        "damaged on its way",
        "harness/places/cluster/node.py",
        "if hashlib.sha256(content).hexdigest() != told:",
        "if not content:",
        "harness/places/tests/test_cluster.py::test_what_was_damaged_on_its_way_is_refused",
    ),
]


def node(mutant: Mutant) -> str:
    """The test's id from the root."""
    return (
        mutant.test
        if mutant.test.startswith(("harness/", "baselines/"))
        else f"{Path(mutant.file).parent}/tests/{mutant.test}"
    )


def copy_tree(folder: Path) -> None:
    for name in COPIED:
        source, target = ROOT / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def tests_in(folder: str, tests: list[str], log: str) -> None:
    """The child: pytest in `folder`, with the modules of that folder and no others of ours."""
    with Path(log).open("w", encoding="utf-8") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    for name in [n for n in sys.modules if n.split(".")[0] in ("harness", "baselines")]:
        del sys.modules[name]
    os.chdir(folder)
    sys.path[:] = [folder, *[p for p in sys.path if p not in ("", str(ROOT))]]
    sys.dont_write_bytecode = True
    import pytest

    sys.exit(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--no-header", *tests]))


def judge(mutant: Mutant) -> str:
    """ "red" where the test failed; else what is wrong with the row. 1 is pytest's status for failed tests."""
    source = (ROOT / mutant.file).read_text()
    if source.count(mutant.old) != 1:
        return f"the snippet stands {source.count(mutant.old)} times in {mutant.file}"
    status, last = run([node(mutant)], {mutant.file: source.replace(mutant.old, mutant.new)})
    if status == 1:
        return "red"
    return "survived" if status == 0 else f"pytest ended with {status}: {last}"


def run(tests: list[str], changed: dict[str, str]) -> tuple[int, str]:
    """pytest's status and last line in a copy of the tree, some of whose files have other texts."""
    with tempfile.TemporaryDirectory() as folder:
        copy_tree(Path(folder))
        for name, text in changed.items():
            (Path(folder) / name).write_text(text)
        process = multiprocessing.get_context("forkserver").Process(
            target=tests_in, args=(folder, tests, f"{folder}/log")
        )
        process.start()
        process.join()
        lines = Path(folder, "log").read_text(encoding="utf-8").splitlines()
    return process.exitcode, lines[-1] if lines else ""


def main() -> int:
    pin()
    started = time.monotonic()
    multiprocessing.get_context("forkserver").set_forkserver_preload(PRELOADED)
    wanted = [m for m in MUTANTS if len(sys.argv) < 2 or m.trap in sys.argv[1:]]
    status, last = run(sorted({node(m) for m in wanted}), {})
    print(f"without a fault: {last}")
    if status:
        return 1
    print(f"{'trap':<10} {'fault':<38} {'result':<9} test")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = []
        for mutant, result in zip(wanted, pool.map(judge, wanted)):
            results.append(result)
            print(f"{mutant.trap:<10} {mutant.fault:<38} {result:<9} {node(mutant)}", flush=True)
    alive = [m for m, result in zip(wanted, results) if result != "red"]
    print(f"{len(wanted) - len(alive)} of {len(wanted)} faults were noticed, {time.monotonic() - started:.0f} s")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
