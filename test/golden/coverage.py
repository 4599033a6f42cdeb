"""The rule of coverage by SciPy in float64: writes coverage.json beside this file.

    coverage = lfilter(w, 1, m)    trend = lfilter(w, 1, m·x) / coverage + bias

with m = 1 for a finite float32 sample and 0 otherwise, nothing before the first sample; with nothing missing in a whole
window the trend is the convolution itself and coverage 1. Nothing of the project's code is used. `pip install numpy scipy`, then `python3 test/golden/coverage.py`.
"""

import json
from pathlib import Path

import numpy as np
from scipy.signal import lfilter

rng = np.random.default_rng(20251124)
largest = float(np.finfo(np.float32).max)


def kernel(taps, kind):
    if kind == "average":
        w = np.full(taps, 1 / taps)
    elif kind == "ramp":
        w = np.exp(-np.arange(taps) * 3 / taps)
    else:  # a mixture of moving averages
        w = sum(np.where(np.arange(taps) < m, u / m, 0) for m, u in zip(range(1, taps + 1), rng.random(taps)))
    w = (1 - 2**-30) * w / w.sum() + 2**-30 / taps
    return w.astype(np.float32)


def samples(length, holes):
    """A drifting level in noise, float32, with single losses, bursts, infinities and overflows where `holes`."""
    x = (20 * np.sin(np.arange(length) / 9) + rng.normal(size=length)).astype(np.float32).astype(np.float64)
    if holes:
        x[rng.random(length) < 0.08] = np.nan
        for bad in (np.inf, -np.inf, 1e39, -1e300):
            x[rng.integers(length)] = bad
        start = rng.integers(length // 2)
        x[start : start + length // 5] = np.nan
    return x


def rule(x, w, bias, least):
    present = np.isfinite(x) & (np.abs(x) <= largest)
    m = present.astype(np.float64)
    w = w.astype(np.float64)
    whole = lfilter(np.ones(len(w)), [1.0], m) > len(w) - 0.5
    coverage = np.where(whole, 1.0, np.minimum(lfilter(w, [1.0], m), 1.0))
    weighted = lfilter(w, [1.0], np.where(present, x, 0.0))
    trend = np.where(whole, weighted, np.divide(weighted, coverage, where=coverage > 0, out=np.zeros_like(x))) + bias
    trend[coverage < least] = np.nan
    return trend, coverage


def plain(values):
    """JSON has no NaN or infinity: null and text."""
    return [None if np.isnan(v) else str(v) if np.isinf(v) else float(v) for v in values]


cases = []
for taps, kind, length, holes, bias, least in [
    (1, "average", 40, True, 0.0, None),
    (2, "ramp", 60, True, 0.0, None),
    (5, "average", 80, True, 0.0, 0.5),
    (16, "mixture", 90, False, 0.0, None),
    (17, "ramp", 120, True, 0.5, None),
    (33, "mixture", 120, True, 0.0, 0.25),
    (64, "average", 150, True, 0.0, 2**-20),
    (129, "mixture", 200, True, -3.0, None),
    (513, "ramp", 90, True, 0.0, None),
]:
    w = kernel(taps, kind)
    x = samples(length, holes)
    minimum = 1 / (2 * taps) if least is None else least
    trend, coverage = rule(x, w, bias, minimum)
    cases.append(
        {
            "name": f"{taps} taps, {kind}{', holes' if holes else ''}, minCoverage {minimum:.3g}",
            "taps": [float(v) for v in w],
            "bias": bias,
            "minCoverage": minimum,
            "x": plain(x),
            "trend": plain(trend),
            "coverage": plain(coverage),
        }
    )

lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
Path(__file__).with_name("coverage.json").write_text(f"[\n{lines}\n]\n")
