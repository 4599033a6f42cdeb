"""A recording as training sees it, read again with NumPy and SciPy and no line of src/: the columns of numbers but the
clock, a row a sample (no gaps, no holes), the first floor((1 - holdout) n) rows, the target, the windows."""

import csv
import functools

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.sparse import diags, eye_array
from scipy.sparse.linalg import splu


@functools.cache
def channels_of(path):
    """[channel, row]."""
    with open(path, newline="") as file:
        header, *rows = csv.reader(file)
    clock = next((name for name in header if name.lower().startswith(("time", "date", "timestamp"))), None)
    columns = []
    for c, name in enumerate(header):
        try:
            column = [float(row[c]) for row in rows]
        except ValueError:
            continue
        if name != clock:
            columns.append(column)
    return np.array(columns)


def whittaker(x, period):
    """The z that minimises |x - z|^2 + lambda |second differences of z|^2, lambda = (2 sin(pi/P))^-4."""
    n = len(x)
    d2 = diags([1.0, -2.0, 1.0], [0, 1, 2], shape=(n - 2, n), format="csc")
    smoother = eye_array(n, format="csc") + (2 * np.sin(np.pi / period)) ** -4 * (d2.T @ d2)
    return x[0] + splu(smoother.tocsc()).solve(x - x[0])


def targets_of(x, target, k):
    """The newest samples of the complete windows of one channel, and the target of each."""
    kind, _, number = target.partition(":")
    if kind == "forecast":
        ahead = int(number)
        rows = np.arange(k - 1, len(x) - ahead)
        return rows, x[rows + ahead]
    period = float(number)
    edge = int(np.ceil(1.5 * period))
    rows = np.arange(max(k - 1, edge), len(x) - edge)
    return rows, whittaker(x, period)[rows]


def training_part(path, holdout):
    channels = channels_of(path)
    return channels[:, : int(np.floor((1 - holdout) * channels.shape[1]))]


def differences(x, target, k):
    """[window, age] x[n-j] - y[n]."""
    rows, y = targets_of(x, target, k)
    return sliding_window_view(x, k)[rows - k + 1, ::-1] - y[:, None]
