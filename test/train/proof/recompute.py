"""What training says of a model, computed again from the ONNX file and the CSV alone, with NumPy and SciPy and no line
of src/: reads a JSON list of cases on stdin, prints one of findings.

    case     {"model": PATH, "csv": PATH, "holdout": F, "maxLag": D or null, "optimum": true or false}
    finding  {"loss", "gap", "relative", "lag", "optimum"?, "kernels": [{"loss", "gap", "optimum"?}]}

Targets forecast:H and smooth:P, loss mse, recordings without a gap (rows are the clock). Family and target stand in
the file's metadata. `loss` is the mean over channels of each one's mean square error over that of the newest sample
alone; `gap` the bound from the gradient and the vertices of the class; `optimum` the smallest loss of the class by
scipy.optimize.nnls. Kernels for each channel are judged each by its own channel, and the model by their mean.
"""

import functools
import json
import sys

import numpy as np
import onnx
from recording import differences, training_part
from scipy.linalg import qr
from scipy.optimize import nnls


def kernels_of(path):
    """float64 taps [kernel, K], newest first, each divided by its sum; the metadata."""
    model = onnx.load(path)
    tensors = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    conv = next(n for n in model.graph.node if n.op_type == "Conv")
    w = tensors[conv.input[1]].astype(np.float64)
    w = w.reshape(-1, w.shape[-1])[:, ::-1]
    metadata = {p.key.removeprefix("firtrend."): p.value for p in model.metadata_props}
    return w / w.sum(axis=1, keepdims=True), metadata


@functools.lru_cache(maxsize=2)
def factors(path, target, k, holdout):
    """Per channel the triangle R with |R w|^2 the mean square error of w over that of the newest sample."""
    found = []
    for x in training_part(path, holdout):
        d = differences(x, target, k)
        newest = np.sum(d[:, 0] ** 2)
        if newest > 0:
            found.append(qr(d / np.sqrt(newest), mode="economic", check_finite=False)[1])
    return found


def hull(family, k):
    """The corners of the class as columns, and the lag of each."""
    if family == "simplex":
        return np.eye(k), np.arange(k)
    return np.triu(np.ones((k, k))) / np.arange(1, k + 1), np.arange(k) / 2


def lowest(scores, lags, most):
    """The smallest value of a linear function over the class with a lag of at most `most`."""
    if most is None:
        return scores.min()
    within = lags <= most
    values = [scores[within].min()]
    if not within.all():
        la, lb = lags[within][:, None], lags[~within][None, :]
        pa, pb = scores[within][:, None], scores[~within][None, :]
        values.append(((pa * (lb - most) + pb * (most - la)) / (lb - la)).min())
    return min(values)


def smallest(r, family, most):
    """min |R v|^2 over the class: NNLS of [R B; 1'] to [0; 1] finds the direction, a division by the sum the point
    (Lawson and Hanson, chapter 23). A largest lag is one more row, (lag - most)'u + slack = 0, with a large weight."""
    k = r.shape[1]
    basis, lags = hull(family, k)
    size = np.sqrt((r[:, 0] ** 2).sum())
    rows, right = [np.c_[r @ basis / size, np.zeros(len(r))]], np.zeros(len(r))
    rows.append(np.r_[np.ones(k), 0][None])
    right = np.r_[right, 1]
    if most is not None:
        rows.append(1e5 * np.r_[lags - most, 1][None])
        right = np.r_[right, 0]
    u = nnls(np.vstack(rows), right, maxiter=100 * k)[0][:k]
    return float(((r @ basis @ (u / u.sum())) ** 2).sum())


def judged(r, w, family, case):
    k = len(w)
    basis, lags = hull(family, k)
    loss = float(((r @ w) ** 2).sum())
    g = 2 * r.T @ (r @ w)
    most = case.get("maxLag")
    finding = {"loss": loss, "gap": float(max(0, g @ w - lowest(basis.T @ g, lags, most)))}
    if case.get("optimum"):
        finding["optimum"] = smallest(r, family, most)
    return finding


def found(case):
    w, metadata = kernels_of(case["model"])
    channels = factors(case["csv"], metadata["target"], w.shape[1], case["holdout"])
    family = metadata["family"]
    if len(w) == 1:
        # One kernel for all: the mean over channels is one quadratic form.
        stacked = np.vstack(channels) / np.sqrt(len(channels))
        kernels = [judged(qr(stacked, mode="economic")[1], w[0], family, case)]
    else:
        kernels = [judged(r, taps, family, case) for r, taps in zip(channels, w, strict=True)]
    mean = {name: float(np.mean([kernel[name] for kernel in kernels])) for name in kernels[0]}
    lag = float((w @ np.arange(w.shape[1])).max())
    return mean | {"relative": mean["gap"] / mean["loss"], "lag": lag, "kernels": kernels}


if __name__ == "__main__":
    json.dump([found(case) for case in json.load(sys.stdin)], sys.stdout)
