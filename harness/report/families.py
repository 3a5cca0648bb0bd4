"""The families of tasks: the heading under which their tasks stand, and what is common to all of them."""

from __future__ import annotations

# family -> (heading, words for the reader); in the page families come as the parameters first name them
FAMILIES = {
    "gaussians": (
        "Two Gaussians, the toy",
        "Two one-dimensional Gaussians told apart by a critic with and without the "
        "bottleneck, the paper's Fig. 2: the smaller the budget I_c, the flatter D(x).",
    ),
    "labelled": (
        "Supervised classification",
        "Classification through the variational information bottleneck, beside a deterministic twin of the same size.",
    ),
    "images": (
        "Image generation",
        "Every adversarial method on the same images, latents and seeds, "
        "scored on as many generated images as the test set holds.",
    ),
    "tabular": (
        "Inverse reinforcement learning in tables",
        "Inverse reinforcement learning where the truth is known: a maze as a table, its reward and its "
        "maximum-entropy optimal policy exact, every score an exact expectation.",
    ),
    "maze": (
        "Inverse reinforcement learning in mazes",
        "A ball in a maze (the paper's Fig. 7): returns are true, undiscounted, of a stochastic policy, over fresh episodes.",
    ),
    "locomotion": (
        "Imitation of robots",
        "Gymnasium's MuJoCo robots, version 5. Imitation sees episodes of one length, ended by nothing, so that "
        "survival tells it nothing unless the task says otherwise; returns are true and undiscounted, of a stochastic policy, "
        "over fresh episodes that end where Gymnasium ends them. A training step is one update of the policy, on as many "
        "environment steps as the task's horizon times its environments.",
    ),
}
