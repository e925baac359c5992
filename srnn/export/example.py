"""The generated example: about twenty lines that load an exported file with plain libraries.

It stands beside the file with a small ``.npz`` of test images and the MetaNet's own answers to
them, and says how far the two are apart. Only names of files are filled in, never code from
outside: they are written as Python literals.
"""

from __future__ import annotations

from srnn.export.compact import Compact

_CHECK = """
check = numpy.load(here / {check!r})
images, expected = check["images"], check["logits"]
logits = predict(images)
right = (logits.argmax(1) == check["labels"]).mean()
print(f"{{len(images)}} images, accuracy {{right:.4f}}")
print(f"largest logit difference {{abs(logits - expected).max():.2e}}")
"""

_LAYERS = """
def predict(images):
    x, inputs = torch.from_numpy(images)[:, state["pixels"].long()].double(), []
    for layer in range({depth}):
        inputs.append(x)
        x = x @ state[f"layers.{{layer}}.weight"].double().T{activation}
        if layer in SKIPS:  # neuron to neuron, or as "skip" says (a column of zeros: none)
            source, skip = inputs[SKIPS[layer]], state.get(f"layers.{{layer}}.skip")
            if skip is not None:
                source = torch.nn.functional.pad(source, (0, 1))[:, skip.long()]
            x = x + source
    return x.float().numpy()
"""

_HEADS = {
    "torch": """import pathlib

import numpy
import torch

here = pathlib.Path(__file__).parent
state = torch.load(here / {file!r}, weights_only=True)
SKIPS = {skips}  # layer: the layer whose input it adds to its output

""",
    "safetensors": """import pathlib

import numpy
import torch
from safetensors.torch import load_file

here = pathlib.Path(__file__).parent
state = load_file(here / {file!r})
SKIPS = {skips}  # layer: the layer whose input it adds to its output

""",
}

_NPZ = """import pathlib
import warnings

import numpy
import torch

warnings.filterwarnings("ignore", "Sparse CSR")  # "beta state", says PyTorch
here = pathlib.Path(__file__).parent
net = dict(numpy.load(here / {file!r}))
long = {{name: torch.from_numpy(net[name].astype("int64")) for name in net if name != "data"}}
matrices, row = [], 0
for out, inp in long["shapes"].tolist():  # rows of all layers follow each other in one CSR
    ends = long["indptr"][row : row + out + 1]
    inside, row = slice(int(ends[0]), int(ends[-1])), row + out
    values = torch.from_numpy(net["data"][inside]).double()
    parts = (ends - ends[0], long["indices"][inside], values)
    matrices.append(torch.sparse_csr_tensor(*parts, (out, inp), check_invariants=True))


def predict(images):
    x, inputs, skips = torch.from_numpy(images).T[long["pixels"]].double(), [], long["skips"]
    for layer, (matrix, source) in enumerate(zip(matrices, net["skip_from"])):
        inputs.append(x)
        x = matrix @ x{activation}
        if source >= 0:  # the input of that layer, with a row of zeros for "none"
            chosen, skips = skips[: len(x)], skips[len(x) :]
            x = x + torch.nn.functional.pad(inputs[source], (0, 0, 0, 1))[chosen]
    return x.T.float().numpy()

"""

_ONNX = """import pathlib

import numpy
import onnxruntime

here = pathlib.Path(__file__).parent
session = onnxruntime.InferenceSession(here / {file!r}, providers=["CPUExecutionProvider"])


def predict(images):
    return session.run(["logits"], {{"images": images}})[0]

"""


def example(format: str, network: Compact, file: str, check: str) -> str:
    """The program's text for a file of that format and its check file (names only)."""
    step = {"none": "", "relu": "torch.relu", "tanh": "torch.tanh"}[network.activation]
    last = len(network.layers) - 1
    after = "" if not step else f"\n        x = {step}(x) if layer < {last} else x"
    skips = {
        index: layer.skip_from
        for index, layer in enumerate(network.layers)
        if layer.skip_from is not None
    }
    if format == "npz":
        body = _NPZ.format(file=file, activation=after)
    elif format == "onnx":
        body = _ONNX.format(file=file)
    else:
        layers = _LAYERS.format(depth=len(network.layers), activation=after)
        body = _HEADS[format].format(file=file, skips=skips) + layers + "\n"
    return body + _CHECK.format(check=check)
