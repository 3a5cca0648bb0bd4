"""The loader of what `bench export --safetensors` writes; it needs torch and safetensors, and nothing of this project.

`bench export` prints it, so that it can be pasted wherever a file goes.
"""

import json
from functools import partial
from operator import attrgetter

import torch
from safetensors import safe_open


def nets(path):
    """{"images" | "actions" | "reward": a function of tensors [N, ...]} of one file."""
    with safe_open(path, "pt") as file:
        held, about = {key: file.get_tensor(key) for key in [*file.keys()]}, json.loads(file.metadata()["about"])
    held |= {key: held[key].mT.contiguous().mT for key in about.get("columns", ())}

    def value(x, known):
        if isinstance(x, list):
            return [value(y, known) for y in x]
        if isinstance(x, str):
            return known[x[1:]] if x[0] == "%" else attrgetter(x)(torch)
        return x

    def run(net, *inputs):
        known = held | dict(zip(net["inputs"], inputs))
        for name, operator, arguments in net["graph"]:
            known[name] = value(operator, known)(*value(arguments, known))
        return known[net["output"]]

    return {name: partial(run, net) for name, net in about["nets"].items()}
