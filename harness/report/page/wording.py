"""Hold the paragraphs of the page: those below headings, and how to read the numbers."""

from __future__ import annotations

from harness.report.claims.verdicts import READING
from harness.report.records.measured import COMMAND
from harness.report.stats import statistics as st
from harness.report.tables.spelling import RHO

CLAIMS = (
    f"This part lists what the papers claim and compares each claim with the records of its own protocol. {READING}"
)

BOTTLENECK = (
    "Each row compares a method that has the bottleneck with its twin: the same parts without it, on the same seeds. "
    "On the digits the learning rate and the weight of a penalty were tuned for each of the two, with the same number "
    "of trials; elsewhere both have the settings that `docs/explanations.md` names."
)

ROBOTS = (
    "These are the imitation methods that ran on every robot, with their normalised returns. "
    "Archived runs are included."
)

ARCHIVED = (
    "These runs are too long to repeat with every change of the code. They are evidence of the commit that made them. "
    "Each preset has a page of its own with its figures; the names of its tasks lead there."
)

SIEGE = (
    "A fuzzer kills commands, flips bits, exchanges files, edits records, mutates parameters and fills the disk, for "
    "every family of tasks at smoke size. The table shows how the attacks ended."
)

LEFT_OUT = (
    "These records, presets and imports were refused when this page was made. Everything else is here, and nothing "
    "here depends on them."
)

SUPPORT = (
    "The intervals and tests of this page were applied to runs drawn from known distributions. The tables show what n "
    "seeds can support and what they cannot."
)

SPEED = (
    "Each row compares the same work done by this project and by another one, alternately in one session on one "
    "machine. Further rows give the start-up time, memory and idle cost of training one method. "
    f"`{COMMAND}` makes these records. Speeds on different processors are not comparable, so each processor has a "
    "table of its own."
)

PUBLISHED = (
    "These are the numbers that the paper printed. They are not comparable with those of the tasks here, because data, "
    "encoder, number of samples or budget differ. Where a number was run under the paper's own protocol, the page of "
    "its task compares the two."
)

PAIRS = (
    "Each pair of rows is one seed: the upper row shows generated samples, and the lower row shows the training image "
    "nearest to each."
)

HOW = [
    (
        "The bottleneck sends the discriminator's input through a noisy code. The KL (in nat) bounds the information "
        "that the code carries, I_c is the most that it may carry on average, and beta is the weight of the KL in the "
        "loss, which training adapts until the KL is I_c."
    ),
    "A cell is one method, or one variant of it in an ablation, on one task, with all its seeds.",
    (
        "The unit is one training run (one seed). All methods of a task share seeds, batches and latents, so "
        "differences are paired by seed."
    ),
    (
        "A score is the interquartile mean (IQM) at the last step, with a 95 % percentile bootstrap interval over "
        f"seeds ({st.RESAMPLES} resamples; no interval below n = {st.FEWEST_FOR_INTERVAL}). In simulations such an "
        "interval covers 90 % at n = 5 and 94 % at n = 10; the heads of tables say so ('in truth')."
    ),
    (
        "A difference is the mean over seeds of method minus baseline, with a paired t interval. It is a mean, so a "
        f"failed run moves it more than it moves the IQM. {RHO}"
    ),
    (
        "p is from an exact sign-flip test, adjusted by Holm over the task's methods on its headline metric. 'Better' "
        "needs p < 0.05 and P(better) of at least 0.75, where P(better) is the chance that a run of the method beats "
        "a run of the baseline."
    ),
    "A run that failed counts with the floor score and is listed; nothing is dropped.",
    "Tables round their numbers for reading; their CSV files hold them at full precision.",
]
