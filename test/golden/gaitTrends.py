"""Computes test/golden/gait-trends.f64: the trends of the shipped recording under the shipped model, in float64.

    python test/golden/gaitTrends.py        (needs numpy and onnx; run from the top of the checkout)

Written from docs/protocol.md and the definition of coverage alone; nothing of the project's code is used. The file
holds little-endian float64, [channel][sample]: sum(w[j]*x[n-j]) / sum(w[j]) over the samples that are there.
"""

import csv
import numpy as np
import onnx
from onnx import numpy_helper

model = onnx.load("models/gait/1/model.onnx")
weights = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
(oldest_first,) = [w for w in weights.values() if w.dtype == np.float32]
taps = oldest_first.reshape(-1)[::-1].astype(np.float64)

with open("recordings/gait-accelerometer.csv", newline="") as file:
    rows = list(csv.reader(file))
x = np.array([[np.float32(cell) for cell in row[1:]] for row in rows[1:]], dtype=np.float64).T

covered = np.cumsum(taps)
trends = np.empty_like(x)
for c, channel in enumerate(x):
    weighted = np.convolve(channel, taps)[: channel.size]
    share = np.ones(channel.size)
    share[: taps.size - 1] = covered[: taps.size - 1]
    trends[c] = weighted / share
trends.astype("<f8").tofile("test/golden/gait-trends.f64")
print(trends.shape, trends[0, :3])
