"""What the server has ready before it forks: the libraries, and the syntax trees that keys are made of."""

import scipy.stats  # noqa: F401
import sklearn.datasets  # noqa: F401
import torch._dynamo  # noqa: F401

import harness.workspace.verify  # noqa: F401
from harness.plan.keys import code_key, prepare_key
from harness.plan.plan import load_plan
from harness.registry import ROOT

for _cell in load_plan(ROOT).cells:
    code_key(_cell.family, _cell.algorithm, _cell.task_params.encoder)
    prepare_key(_cell.family, _cell.task_params.encoder)
