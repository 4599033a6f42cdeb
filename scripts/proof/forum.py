"""The forum's module, Fir1d, in PyTorch on the CPU, trained as its user would: reads one JSON request on stdin.

    {"csv": PATH, "target": T, "taps": K, "holdout": F, "alpha": A, "optimizer": "Adam" or "SGD", "rate": R, "steps": N}
        1,000 steps or so over the whole training part; prints {"loss", "alpha", "moved", "seconds"}
    {"raw": PATH, "channels": C, "period": P, "taps": K, "alpha": A, "rate": R, "goal": L}
        Adam towards a loss of L: how many steps over a tenth of the data it takes (the loss is a mean, so its course
        hardly depends on how long the data are), how long one over all of it takes, and how long it takes to get there
        by batches of 10,000 samples; prints {"steps", "stepSeconds", "batchSteps", "batchSeconds", "alpha"}

The kernel is recomputed from alpha and beta in every step, oldest sample first; the loss is firtrend's: the mean over
channels of the mean square error over that of the newest sample, so the user is given balanced channels for nothing.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[2] / "test/train/proof"))
from recording import targets_of, training_part  # noqa: E402


class Fir1d(nn.Module):
    """softmax(alpha * linspace(-m, m, K) + beta), the same for each channel."""

    def __init__(self, taps, alpha):
        super().__init__()
        m = (taps - 1) / 2
        self.register_buffer("positions", torch.linspace(-m, m, taps))
        self.alpha = nn.Parameter(torch.tensor(float(alpha)))
        self.beta = nn.Parameter(torch.tensor(0.0))

    def forward(self, x):
        """[N, C, L] to [N, C, L - K + 1]."""
        kernel = torch.softmax(self.alpha * self.positions + self.beta, dim=0)
        channels = x.shape[1]
        return nn.functional.conv1d(x, kernel.expand(channels, 1, -1), groups=channels)


def scaled(channels, target, taps):
    """Inputs [1, C, L] and targets [1, C, L - K + 1 less what has none], in the newest sample's root mean square error."""
    inputs, targets = [], []
    for x in channels:
        rows, y = targets_of(x, target, taps)
        unit = np.sqrt(np.mean((x[rows] - y) ** 2))
        inputs.append((x[rows[0] - taps + 1 : rows[-1] + 1] - x.mean()) / unit)
        targets.append((y - x.mean()) / unit)
    return (torch.tensor(np.array(a)[None], dtype=torch.float32) for a in (inputs, targets))


def train(request):
    channels = training_part(request["csv"], request["holdout"])
    x, y = scaled(channels, request["target"], request["taps"])
    module = Fir1d(request["taps"], request["alpha"])
    optimizer = getattr(torch.optim, request["optimizer"])(module.parameters(), lr=request["rate"])
    began = time.perf_counter()
    for _ in range(request["steps"]):
        optimizer.zero_grad()
        nn.functional.mse_loss(module(x), y).backward()
        optimizer.step()
    seconds = time.perf_counter() - began
    with torch.no_grad():
        loss = nn.functional.mse_loss(module(x), y).item()
    alpha = module.alpha.item()
    return {"loss": loss, "alpha": alpha, "moved": alpha - request["alpha"], "seconds": seconds}


def race(request):
    channels = np.fromfile(request["raw"]).reshape(request["channels"], -1)
    taps, goal = request["taps"], request["goal"]
    x, y = scaled(channels, f"smooth:{request['period']}", taps)
    windows = y.shape[2]

    def start():
        module = Fir1d(taps, request["alpha"])
        return module, torch.optim.Adam(module.parameters(), lr=request["rate"])

    def loss_over(module, first, end):
        return nn.functional.mse_loss(module(x[:, :, first : end + taps - 1]), y[:, :, first:end])

    def step(module, optimizer, first, end):
        optimizer.zero_grad()
        loss_over(module, first, end).backward()
        optimizer.step()

    def there(module):
        with torch.no_grad():
            return loss_over(module, 0, windows // 10).item() <= goal

    module, optimizer = start()
    steps = 0
    while steps < 5000 and not there(module):
        step(module, optimizer, 0, windows // 10)
        steps += 1

    whole, its = start()
    step(whole, its, 0, windows)
    times = []
    for _ in range(3):
        began = time.perf_counter()
        step(whole, its, 0, windows)
        times.append(time.perf_counter() - began)

    batched, its = start()
    batch_steps, batch_seconds = 0, 0.0
    while batch_steps < 5000 and not there(batched):
        first = 10_000 * (batch_steps % (windows // 10_000))
        began = time.perf_counter()
        step(batched, its, first, first + 10_000)
        batch_seconds += time.perf_counter() - began
        batch_steps += 1
    return {
        "steps": steps,
        "stepSeconds": sorted(times)[1],
        "batchSteps": batch_steps,
        "batchSeconds": batch_seconds,
        "alpha": module.alpha.item(),
    }


torch.manual_seed(1)
request = json.load(sys.stdin)
json.dump(train(request) if "csv" in request else race(request), sys.stdout)
