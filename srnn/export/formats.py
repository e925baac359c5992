"""The file formats: a compact network as bytes, and the same bytes run again with plain libraries.

Each is a row of :data:`FORMATS`: ``write`` makes the bytes, ``load`` makes a function from images
``(B, inputs)`` to logits ``(B, classes)`` out of a file, using only the format's own library. None
of them holds code or a pickled class; torch files load with ``weights_only=True``.
"""

from __future__ import annotations

import importlib
import io
import json
import warnings
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


def _module(network: Compact, state: dict[str, torch.Tensor]) -> Predict:
    module = CompactNet(network)
    module.load_state_dict(state)

    def predict(x: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return module(torch.from_numpy(x)).numpy()

    return predict


def _write_torch(network: Compact) -> bytes:
    buffer = io.BytesIO()
    torch.save(dict(CompactNet(network).state_dict()), buffer)
    return buffer.getvalue()


def _load_torch(path: Path, network: Compact) -> Predict:
    return _module(network, torch.load(path, weights_only=True))


def _write_safetensors(network: Compact) -> bytes:
    state = {name: value.contiguous() for name, value in CompactNet(network).state_dict().items()}
    about = {"activation": network.activation, "inputs": str(network.inputs)}
    about["skips"] = json.dumps([layer.skip_from for layer in network.layers])
    return _need("safetensors.torch").save(state, metadata=about)


def _load_safetensors(path: Path, network: Compact) -> Predict:
    return _module(network, _need("safetensors.torch").load_file(path))


def _write_npz(network: Compact) -> bytes:
    """One CSR for all layers: their rows one after the other, columns counted within a layer."""
    rows = [row for layer in network.layers for row in layer.matrix]
    columns = [np.flatnonzero(row) for row in rows]
    ends = np.cumsum([0, *(len(one) for one in columns)])
    skips = [
        np.zeros(0, dtype=np.int64)
        if layer.skip_from is None
        else np.arange(len(layer.matrix))
        if layer.skip is None
        else layer.skip
        for layer in network.layers
    ]
    sources = [-1 if layer.skip_from is None else layer.skip_from for layer in network.layers]
    arrays = {
        "data": np.concatenate([row[one] for row, one in zip(rows, columns, strict=True)]),
        "indices": _small(np.concatenate(columns)),
        "indptr": _small(ends),
        "shapes": _small(np.array([layer.matrix.shape for layer in network.layers])),
        "pixels": _small(network.pixels),
        "skips": _small(np.concatenate(skips)),
        "skip_from": np.array(sources, dtype=np.int8),
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def _small(values: np.ndarray) -> np.ndarray:
    return values.astype(np.min_scalar_type(int(values.max(initial=0))))


def _load_npz(path: Path, network: Compact) -> Predict:
    with np.load(path, allow_pickle=False) as file:
        data = {name: file[name] for name in file.files}
    layers, row, used = [], 0, 0
    for (out, inp), source in zip(data["shapes"].tolist(), data["skip_from"], strict=True):
        ends = torch.from_numpy(data["indptr"][row : row + out + 1].astype(np.int64))
        inside = slice(int(ends[0]), int(ends[-1]))
        columns = torch.from_numpy(data["indices"][inside].astype(np.int64))
        values = torch.from_numpy(data["data"][inside]).double()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sparse CSR")  # "beta state", says PyTorch
            matrix = torch.sparse_csr_tensor(
                ends - ends[0], columns, values, (out, inp), check_invariants=True
            )
        skip = None
        if source >= 0:
            skip = torch.from_numpy(data["skips"][used : used + out].astype(np.int64))
            used += out
        layers.append((matrix, int(source), skip))
        row += out
    pixels = torch.from_numpy(data["pixels"].astype(np.int64))
    activation = CompactNet(network).activation

    def predict(x: np.ndarray) -> np.ndarray:
        value = torch.from_numpy(x).T[pixels].double()
        inputs = []
        for index, (matrix, source, skip) in enumerate(layers):
            inputs.append(value)
            value = matrix @ value
            if activation is not None and index < len(layers) - 1:
                value = activation(value)
            if skip is not None:
                value = value + torch.nn.functional.pad(inputs[source], (0, 0, 0, 1))[skip]
        return value.T.float().numpy()

    return predict


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
    if len(network.pixels) < network.inputs:
        pixels = constant("pixels", network.pixels.astype(np.int32))
        value = node("Gather", [value, pixels], "read", axis=0)
    value = node("Cast", [value], "double", to=double)
    operator = {"none": None, "relu": "Relu", "tanh": "Tanh"}[network.activation]
    values: list[str] = []
    last = len(network.layers) - 1
    for index, layer in enumerate(network.layers):
        values.append(value)
        stored = constant(f"weight_{index}", layer.matrix)  # kept in float32, summed in float64
        weight = node("Cast", [stored], f"double_weight_{index}", to=double)
        value = node("MatMul", [weight, value], f"layer_{index}")
        if operator and index < last:
            value = node(operator, [value], f"active_{index}")
        if layer.skip_from is not None:
            source = values[layer.skip_from]
            if layer.skip is not None:
                one_more = constant(f"pad_{index}", np.array([0, 0, 1, 0]))
                padded = node("Pad", [source, one_more], f"padded_{index}")
                chosen = constant(f"skip_{index}", layer.skip.astype(np.int32))
                source = node("Gather", [padded, chosen], f"skipped_{index}", axis=0)
            value = node("Add", [value, source], f"sum_{index}")
    value = node("Cast", [value], "float", to=kind)
    node("Transpose", [value], "logits", perm=[1, 0])
    graph = helper.make_graph(
        nodes,
        "compact MetaNet",
        [helper.make_tensor_value_info("images", kind, ["batch", network.inputs])],
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
        ".pt", "PyTorch state dict, loads with weights_only=True", _write_torch, _load_torch
    ),
    "safetensors": Format(
        ".safetensors", "safetensors state dict", _write_safetensors, _load_safetensors
    ),
    "onnx": Format(".onnx", "ONNX graph for any runtime", _write_onnx, _load_onnx),
    "npz": Format(".npz", "NumPy arrays, one CSR of the connections", _write_npz, _load_npz),
}
"""The formats, by the name that the command line and the page use."""
