"""The generated example: about twenty lines that load an exported file with plain libraries.

It stands beside the file with a small ``.npz`` of test images and the MetaNet's own answers to
them, and says how far the two are apart. Only names of files are filled in, never code from
outside: they are written as Python literals.
"""

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

_READ = {
    "torch": ("", "torch.load(here / {file!r}, weights_only=True)"),
    "safetensors": ("from safetensors.torch import load_file\n", "load_file(here / {file!r})"),
    "npz": ("", "{{k: torch.from_numpy(v) for k, v in numpy.load(here / {file!r}).items()}}"),
}
"""What a format imports beside NumPy and torch, and how its file becomes a state."""

_HEAD = """import pathlib

import numpy
import torch
{imports}
here = pathlib.Path(__file__).parent
state = {read}
SKIPS = {skips}  # layer: the layer whose input it adds to its output

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
    shape = network.shape
    if format == "onnx":
        return _ONNX.format(file=file) + _CHECK.format(check=check)
    step = {"none": "", "relu": "torch.relu", "tanh": "torch.tanh"}[shape.activation]
    after = "" if not step else f"\n        x = {step}(x) if layer < {shape.depth - 1} else x"
    sources = {layer: shape.skip(layer) for layer in range(shape.depth)}
    skips = {layer: source for layer, source in sources.items() if source is not None}
    imports, read = _READ[format]
    head = _HEAD.format(imports=imports, read=read.format(file=file), skips=skips)
    layers = _LAYERS.format(depth=shape.depth, activation=after)
    return f"{head}{layers}\n{_CHECK.format(check=check)}"
