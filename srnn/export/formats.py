"""The file formats: a compact network as bytes, and the same bytes run again with plain libraries.

Each is a row of :data:`FORMATS`: ``write`` makes the bytes, ``load`` makes a function from images
``(B, inputs)`` to logits ``(B, classes)`` out of a file, using only the format's own library. None
of them holds code or a pickled class; torch files load with ``weights_only=True``.
"""

import importlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from srnn.export.compact import Compact, CompactNet

Predict = Callable[[np.ndarray], np.ndarray]


class MissingPackage(RuntimeError):
    """A format's library is not installed; the message says what to install."""


def _need(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise MissingPackage(
            f"this format needs {package}, which is not installed: pip install {package}"
        ) from error


@dataclass(frozen=True)
class Format:
    """A file format: its usual suffix and what it is; ``write`` and ``load`` as said above."""

    suffix: str
    about: str
    write: Callable[[Compact], bytes]
    load: Callable[[Path, Compact], Predict]


def _state(network: Compact) -> dict[str, torch.Tensor]:
    return {name: value.contiguous() for name, value in CompactNet(network).state_dict().items()}


def _module(network: Compact, state: dict[str, torch.Tensor]) -> Predict:
    module = CompactNet(network)
    module.load_state_dict(state)

    def predict(x: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return module(torch.from_numpy(x)).numpy()

    return predict


def _write_torch(network: Compact) -> bytes:
    buffer = io.BytesIO()
    torch.save(_state(network), buffer)
    return buffer.getvalue()


def _write_safetensors(network: Compact) -> bytes:
    shape = network.shape
    about = {"activation": shape.activation, "inputs": str(network.shape.inputs)}
    about["skips"] = json.dumps([shape.skip(layer) for layer in range(shape.depth)])
    return _need("safetensors.torch").save(_state(network), metadata=about)


def packed(arrays: dict[str, Any]) -> bytes:
    """An npz file, compressed: a zero costs next to nothing."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def _write_npz(network: Compact) -> bytes:
    return packed({name: part.numpy() for name, part in _state(network).items()})


def _load_npz(path: Path, network: Compact) -> Predict:
    with np.load(path, allow_pickle=False) as file:
        return _module(network, {name: torch.from_numpy(file[name]) for name in file.files})


OPSET, IR = 17, 9
"""ONNX versions written; old enough for any onnxruntime of recent years."""


def _write_onnx(network: Compact) -> bytes:
    onnx = _need("onnx")
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    kind, double = onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE
    nodes, constants = [], []

    def constant(name: str, values: np.ndarray) -> str:
        constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def node(operator: str, inputs: list[str], name: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    value = node("Transpose", ["images"], "columns", perm=[1, 0])  # rows are gathered faster
    if len(network.pixels) < network.shape.inputs:
        pixels = constant("pixels", network.pixels.astype(np.int32))
        value = node("Gather", [value, pixels], "read", axis=0)
    value = node("Cast", [value], "double", to=double)
    shape = network.shape
    operator = {"none": None, "relu": "Relu", "tanh": "Tanh"}[shape.activation]
    values: list[str] = []
    for index, matrix in enumerate(network.matrices):
        values.append(value)
        stored = constant(f"weight_{index}", matrix)  # kept in float32, summed in float64
        weight = node("Cast", [stored], f"double_weight_{index}", to=double)
        value = node("MatMul", [weight, value], f"layer_{index}")
        if operator and index < shape.depth - 1:
            value = node(operator, [value], f"active_{index}")
        skip_from, skip = shape.skip(index), network.skips[index]
        if skip_from is not None:
            source = values[skip_from]
            if skip is not None:
                one_more = constant(f"pad_{index}", np.array([0, 0, 1, 0]))
                padded = node("Pad", [source, one_more], f"padded_{index}")
                chosen = constant(f"skip_{index}", skip.astype(np.int32))
                source = node("Gather", [padded, chosen], f"skipped_{index}", axis=0)
            value = node("Add", [value, source], f"sum_{index}")
    value = node("Cast", [value], "float", to=kind)
    node("Transpose", [value], "logits", perm=[1, 0])
    graph = helper.make_graph(
        nodes,
        "compact MetaNet",
        [helper.make_tensor_value_info("images", kind, ["batch", network.shape.inputs])],
        [helper.make_tensor_value_info("logits", kind, ["batch", network.sizes[-1]])],
        constants,
    )
    opset = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=IR, producer_name="srnn")
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def _load_onnx(path: Path, network: Compact) -> Predict:
    runtime = _need("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda x: session.run(["logits"], {"images": x})[0]


FORMATS: dict[str, Format] = {
    "torch": Format(
        ".pt",
        "PyTorch state dict, loads with weights_only=True",
        _write_torch,
        lambda path, network: _module(network, torch.load(path, weights_only=True)),
    ),
    "safetensors": Format(
        ".safetensors",
        "safetensors state dict",
        _write_safetensors,
        lambda path, network: _module(network, _need("safetensors.torch").load_file(path)),
    ),
    "onnx": Format(".onnx", "ONNX graph for any runtime", _write_onnx, _load_onnx),
    "npz": Format(".npz", "NumPy arrays, compressed", _write_npz, _load_npz),
}
"""The formats, by the name that the command line and the page use."""
