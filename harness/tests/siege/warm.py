"""What the server has ready before it forks: the libraries, and the index of what keys are made of."""

import scipy.stats  # noqa: F401
import sklearn.datasets  # noqa: F401
import torch._dynamo  # noqa: F401

import harness.workspace.verify  # noqa: F401
from harness.plan.keys import CodeKeys
from harness.plan.plan import load_plan
from harness.registry import ROOT

_code = CodeKeys()
for _cell in load_plan(ROOT).cells:
    _code.of(_cell.family, _cell.algorithm, _cell.task_params.encoder)
    _code.prepare(_cell.family, _cell.task_params.encoder)
