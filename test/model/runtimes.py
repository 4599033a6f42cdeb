"""What Python makes of ONNX files: the checker with full shape inference, onnxruntime, and the numbers inside.

usage: runtimes.py check|read FILE...     prints one JSON document
"""

import json
import sys

import numpy as np
import onnx
import onnxruntime
from numpy.lib.stride_tricks import sliding_window_view


def weights(model):
    """Kernels [count, K] oldest first, and biases [count], read by ONNX's own helpers."""
    tensors = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    conv = next(n for n in model.graph.node if n.op_type == "Conv")
    w = tensors[conv.input[1]]
    w = w.reshape(-1, w.shape[-1])
    b = tensors[conv.input[2]] if len(conv.input) > 2 else np.zeros(len(w), np.float32)
    return w, b


def run(path):
    """Largest error of onnxruntime against a float64 correlation, as a part of the largest |x|, over three shapes."""
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    w, b = weights(model)
    taps = w.shape[1]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    fixed = session.get_inputs()[0].shape[1]
    noise = np.random.default_rng(1)
    errors = []
    for n, c, length in [(1, 1, taps), (2, 9, 100), (3, 64, taps + 15)]:
        c = fixed if isinstance(fixed, int) else c
        x = (1000 * noise.standard_normal((n, c, length))).astype(np.float32)
        (got,) = session.run(["trend"], {"x": x})
        w64 = np.broadcast_to(w.astype(np.float64), (c, taps))
        b64 = np.broadcast_to(b.astype(np.float64), (c,))
        expected = np.einsum("nctk,ck->nct", sliding_window_view(x.astype(np.float64), taps, axis=2), w64)
        expected += b64[None, :, None]
        assert got.shape == expected.shape, (got.shape, expected.shape)
        errors.append(float(np.abs(got - expected).max() / np.abs(x).max()))
    metadata = {p.key: p.value for p in model.metadata_props}
    return {"taps": taps, "error": max(errors), "opset": model.opset_import[0].version, "metadata": metadata}


def read(path):
    """The float32 bytes of all kernels, newest tap first, and of the biases, as hexadecimal."""
    w, b = weights(onnx.load(path))
    return {"taps": w[:, ::-1].astype("<f4").tobytes().hex(), "bias": b.astype("<f4").tobytes().hex()}


print(json.dumps([{"check": run, "read": read}[sys.argv[1]](path) for path in sys.argv[2:]]))
