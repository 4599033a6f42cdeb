"""checker.py LEDGER LIVE PAST UNDISTURBED: holds the producer's ledger against what three subscribers were told.

It knows the samples (wire.py) and the files of producer.py and subscriber.py, and nothing else. Prints one JSON object:
`wrong`, and what was looked at. UNDISTURBED may be "-".
"""
import json, os, sys
import numpy as np
from wire import STREAMS, planes

ledger_file, *folders = sys.argv[1:]
ledger = json.load(open(ledger_file))
wrong = list(ledger["wrong"])
looked = {"rows": 0, "acknowledged": 0, "gaps": 0, "compared": 0, "kernels": 0}


def rows_of(folder, name):
    held = json.load(open(os.path.join(folder, "told.json")))["streams"][name]
    cells = np.fromfile(os.path.join(folder, name.replace("/", "-") + ".rows"), "<u4").reshape(-1, 3 * STREAMS[name])
    seqs = np.concatenate([np.arange(a, b) for a, b in held["ranges"]] or [np.arange(0)])
    if len(seqs) != len(cells):
        wrong.append(f"{folder} {name}: {len(cells)} rows for {len(seqs)} seqs")
    return held, seqs, cells


for folder in folders:
    if folder != "-":
        wrong += [f"{os.path.basename(folder)}: {text}" for text in json.load(open(os.path.join(folder, "told.json")))["wrong"]]
for name, held in ledger["streams"].items():
    live, seqs, cells = rows_of(folders[0], name)
    looked["rows"] += len(seqs)
    looked["acknowledged"] += held["acked"]
    looked["gaps"] += len(live["gaps"])
    looked["kernels"] += len(live["kernels"])
    if live["next"] < held["acked"]:
        wrong.append(f"{name}: acknowledged up to {held['acked']}, told up to {live['next']}")
    # Every sample told is the one that was sent for its seq, and every one that was sent is told.
    ends = [start for start, _ in held["pieces"][1:]] + [held["acked"]]
    for (start, made), end in zip(held["pieces"], ends):
        end = min(end, held["acked"])
        if start >= end:
            continue
        mine = (seqs >= start) & (seqs < end)
        if made is None:
            if mine.any():
                wrong.append(f"{name}: [{start}, {end}) were never sent, and some are told")
            continue
        if mine.sum() != end - start:
            wrong.append(f"{name}: of [{start}, {end}), acknowledged, {int(mine.sum())} are told")
            continue
        sent = planes(name, made, start, end - start).T
        got = np.ascontiguousarray(cells[mine][:, : STREAMS[name]]).view("<f4")
        if not np.array_equal(sent, got, equal_nan=True):
            wrong.append(f"{name}: [{start}, {end}) of generation {made}: other samples are told than were sent")
    for folder in folders[1:]:
        if folder == "-":
            continue
        other, other_seqs, other_cells = rows_of(folder, name)
        looked["compared"] += len(other_seqs)
        who = f"{name}: {os.path.basename(folder)}"
        if not np.array_equal(seqs, other_seqs):
            wrong.append(f"{who} has {len(other_seqs)} seqs, live has {len(seqs)}")
        elif not np.array_equal(cells, other_cells):
            at = int(seqs[np.flatnonzero((cells != other_cells).any(axis=1))[0]])
            wrong.append(f"{who}: other bits than live, first at {at}")
        for what in ("gaps", "kernels"):
            if other[what] != live[what]:
                wrong.append(f"{who}: {what} {other[what][:4]}, live {live[what][:4]}")
print(json.dumps({"wrong": wrong, **looked, "cuts": ledger["cuts"]}))
