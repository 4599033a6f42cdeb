"""What training by huber:D or quantile:q says of a model, computed again from the ONNX file and the CSV alone, with NumPy
and SciPy and no line of src/: reads a JSON list of cases on stdin, prints one of findings.

    case     {"model": PATH, "csv": PATH, "holdout": F, "maxLag": D or null, "optimum": true or false}
    finding  {"loss", "gap", "relative", "lag", "covered", "optimum"?, "kernels": [{"loss", "gap", "covered", "optimum"?}]}

As recompute.py, with the loss in the file's metadata too. Kernels with the same taps are one, shared. `gap`: for any
slopes s the loss of an error e is at least s e - conjugate(s), so that no kernel of the class has a mean loss below the
smallest mean of s e over the vertices less the mean conjugate; s the slopes of the loss rounded over a width (quantile:
d = clip(q - 1/2 + r/(2 mu), q - 1, q) of the residual r, mean 0 where there is a bias), the best of a falling sequence
of widths. `covered` the share of targets that the trend is not below. `optimum` for quantile by scipy.optimize.linprog.
"""

import json
import sys

import numpy as np
import onnx
from recompute import hull, kernels_of, lowest
from recording import differences, training_part
from scipy.optimize import brentq, linprog
from scipy.sparse import block_array, csr_array, eye_array


class Huber:
    def __init__(self, d):
        self.d = d

    def value(self, e):
        return np.where(np.abs(e) <= self.d, e * e / 2, self.d * (np.abs(e) - self.d / 2))

    def slope(self, e, width):
        return self.d * np.clip(e / max(self.d, width), -1, 1)

    def conjugate(self, s):
        return s * s / 2


class Quantile:
    def __init__(self, q):
        self.q = q

    def value(self, e):
        return np.maximum((1 - self.q) * e, -self.q * e)

    def slope(self, e, width):
        # d of the residual r = -e, with the other sign
        return -np.clip(self.q - 0.5 - e / (2 * width), self.q - 1, self.q)

    def conjugate(self, s):
        return 0 * s


def loss_of(name):
    kind, _, parameter = name.partition(":")
    return {"huber": Huber, "quantile": Quantile}[kind](float(parameter))


def biases_of(path):
    model = onnx.load(path)
    tensors = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    conv = next(n for n in model.graph.node if n.op_type == "Conv")
    return tensors[conv.input[2]].astype(np.float64) if len(conv.input) > 2 else None


def bound(loss, parts, w, biased, family, most, width):
    basis, lags = hull(family, len(w))
    g, conjugate = np.zeros(len(w)), 0
    for d, divisor in parts:
        e = d @ w
        if biased:
            mean = lambda b, e=e: loss.slope(e + b, width).mean()
            e = e + brentq(mean, -e.max() - width, -e.min() + width, xtol=1e-15, rtol=1e-15, maxiter=500)
        s = loss.slope(e, width)
        g += d.T @ s / (len(s) * divisor * len(parts))
        conjugate += loss.conjugate(s).mean() / (divisor * len(parts))
    return lowest(basis.T @ g, lags, most) - conjugate


def smallest(loss, parts, biased, family, most):
    """The quantile's linear program: d B u + b = above - below, u >= 0, sum u = 1, above >= 0, below >= 0."""
    k, count = parts[0][0].shape[1], len(parts)
    basis, lags = hull(family, k)
    a = np.vstack([d @ basis for d, _ in parts])
    n = len(a)
    weights = np.concatenate([np.full(len(d), 1 / (len(d) * divisor * count)) for d, divisor in parts])
    channel = np.repeat(np.arange(count), [len(d) for d, _ in parts])
    levels = csr_array((np.ones(n), (np.arange(n), channel)), shape=(n, count))
    rows = [csr_array(a), levels, -eye_array(n), eye_array(n)]
    total = [csr_array(np.ones((1, k))), csr_array((1, count)), csr_array((1, n)), csr_array((1, n))]
    lag = None if most is None else csr_array(np.r_[lags, np.zeros(count + 2 * n)][None])
    found = linprog(
        np.r_[np.zeros(k + count), (1 - loss.q) * weights, loss.q * weights],
        A_eq=block_array([rows, total]),
        b_eq=np.r_[np.zeros(n), 1],
        A_ub=lag,
        b_ub=None if most is None else [most],
        bounds=[(0, None)] * k + [(None, None) if biased else (0, 0)] * count + [(0, None)] * (2 * n),
        method="highs",
    )
    assert found.status == 0, found.message
    return float(found.fun)


def judged(loss, parts, w, biases, family, case):
    """Parts: per channel the differences in units of the newest sample's error, and its mean loss."""
    biased = biases is not None
    levels = biases if biased else np.zeros(len(parts))
    errors = [d @ w + b for (d, _), b in zip(parts, levels, strict=True)]
    value = float(np.mean([loss.value(e).mean() / divisor for e, (_, divisor) in zip(errors, parts, strict=True)]))
    bounds = [bound(loss, parts, w, biased, family, case.get("maxLag"), 2.0**-i) for i in range(20)]
    finding = {
        "loss": value,
        "gap": float(max(0, value - max(bounds))),
        "covered": float(np.mean([(e >= 0).mean() for e in errors])),
    }
    if case.get("optimum"):
        finding["optimum"] = smallest(loss, parts, biased, family, case.get("maxLag"))
    return finding


def found(case):
    w, metadata = kernels_of(case["model"])
    biases = biases_of(case["model"])
    loss = loss_of(metadata["loss"])
    parts, units = [], []
    for x in training_part(case["csv"], case["holdout"]):
        d = differences(x, metadata["target"], w.shape[1])
        units.append(np.sqrt(np.mean(d[:, 0] ** 2)))
        parts.append((d / units[-1], loss.value(d[:, 0] / units[-1]).mean()))
    scaled = None if biases is None else biases / units
    family = metadata["family"]
    if (w == w[0]).all():
        kernels = [judged(loss, parts, w[0], scaled, family, case)]
    else:
        kernels = [
            judged(loss, [part], taps, None if scaled is None else scaled[[c]], family, case)
            for c, (part, taps) in enumerate(zip(parts, w, strict=True))
        ]
    mean = {name: float(np.mean([kernel[name] for kernel in kernels])) for name in kernels[0]}
    lag = float((w @ np.arange(w.shape[1])).max())
    return mean | {"relative": mean["gap"] / mean["loss"], "lag": lag, "kernels": kernels}


json.dump([found(case) for case in json.load(sys.stdin)], sys.stdout)
