"""SciPy's lfilter and PyTorch's grouped conv1d, asked over standard input, a JSON object a line, so that they can take
turns with others. Each answer is one line too. One thread, preallocated contiguous input, inference mode.

{"taps": base64 float32 [channels][K] newest first, "x": base64 float32 [channels][K - 1 + rows], "channels", "taps_count", "rows"}
    -> {"results": {contender: base64 float32 [channels][rows]}}
{"run": contender, "count"} -> {"ms": the median of so many}
"""

import base64
import json
import os
import sys
import time

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np

try:
    from scipy.signal import lfilter
except ImportError:
    lfilter = None
try:
    import torch

    torch.set_num_threads(1)
    torch.inference_mode().__enter__()
except ImportError:
    torch = None


def decode(text, shape):
    return np.frombuffer(base64.b64decode(text), "<f4").reshape(shape).copy()


def encode(values):
    return base64.b64encode(np.ascontiguousarray(values, "<f4").tobytes()).decode()


def scipy_lfilter(taps, x, rows):
    """The state is what lfilter keeps itself; one kernel for all channels is its fast form."""
    history = taps.shape[1] - 1
    one = np.array([1], np.float32)
    frame = np.ascontiguousarray(x[:, history:])
    zero = np.zeros((x.shape[0], history), np.float32)
    _, state = lfilter(taps[0], one, x[:, :history], axis=1, zi=zero) if history else (None, zero)
    return lambda: lfilter(taps[0], one, frame, axis=1, zi=state)[0]


def torch_forms(taps, x, rows):
    """The forms of a grouped convolution worth trying, each on ready input and with a window of its own to keep."""
    channels, count = taps.shape
    history = count - 1
    kernel = torch.from_numpy(np.ascontiguousarray(taps[:, ::-1])).reshape(channels, 1, count)
    ready = torch.from_numpy(x).reshape(1, channels, -1).contiguous()
    frame = ready[:, :, history:].contiguous()
    conv1d, conv2d = torch.nn.functional.conv1d, torch.nn.functional.conv2d
    last = ready.reshape(1, channels, 1, -1).contiguous(memory_format=torch.channels_last)
    last_kernel = kernel.reshape(channels, 1, 1, count).contiguous(memory_format=torch.channels_last)
    before = torch.zeros(1, channels, rows)
    shifted = [torch.cat((before, ready[:, :, :history]), 2).contiguous(), ready.clone()]
    state = {"window": ready[:, :, :history].clone()}

    def cat():
        # What most write: the window in front of the frame, and its end for the next.
        joined = torch.cat((state["window"], frame), 2)
        state["window"] = joined[:, :, rows:]
        return conv1d(joined, kernel, groups=channels)

    def swap():
        # Two buffers take turns: one copy of the window, one of the frame, no allocation.
        old, new = shifted
        new[:, :, :history].copy_(old[:, :, rows:])
        new[:, :, history:].copy_(frame)
        shifted.reverse()
        return conv1d(new, kernel, groups=channels)

    ready_forms = {
        "conv1d": lambda: conv1d(ready, kernel, groups=channels),
        "conv2d channels last": lambda: conv2d(last, last_kernel, groups=channels),
    }
    return ready_forms, {"cat": cat, "swap": swap}


def fastest(forms):
    times = {}
    for _ in range(7):
        for name, run in forms.items():
            run()
            began = time.perf_counter()
            run()
            times.setdefault(name, []).append(time.perf_counter() - began)
    return min(forms, key=lambda name: sorted(times[name])[len(times[name]) // 2])


def prepare(message):
    channels, count, rows = message["channels"], message["taps_count"], message["rows"]
    taps = decode(message["taps"], (channels, count))
    x = decode(message["x"], (channels, count - 1 + rows))
    contenders, results, forms = {}, {}, {}
    if lfilter is not None:
        contenders["lfilter"] = scipy_lfilter(taps, x, rows)
        results["lfilter"] = encode(contenders["lfilter"]())
    if torch is not None:
        ready, windowed = torch_forms(taps, x, rows)
        # A window that keeps itself has forgotten the given one after the first call: results before timing.
        for kind, each in (("torch", ready), ("torch window", windowed)):
            for name, run in each.items():
                results[f"{kind} {name}"] = encode(run().reshape(channels, rows).numpy())
            best = fastest(each)
            forms[kind] = best
            contenders[kind] = each[best]
    return contenders, {"results": results, "forms": forms}


versions = {"numpy": np.__version__}
if lfilter is not None:
    import scipy

    versions["scipy"] = scipy.__version__
if torch is not None:
    versions["torch"] = torch.__version__
print(json.dumps({"versions": versions}), flush=True)
contenders = {}
for line in sys.stdin:
    message = json.loads(line)
    if "run" in message:
        run = contenders[message["run"]]
        run()
        times = []
        for _ in range(message["count"]):
            began = time.perf_counter()
            run()
            times.append(time.perf_counter() - began)
        print(json.dumps({"ms": sorted(times)[len(times) // 2] * 1000}), flush=True)
    else:
        contenders, answer = prepare(message)
        print(json.dumps({**answer, "contenders": list(contenders)}), flush=True)
