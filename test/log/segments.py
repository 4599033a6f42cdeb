"""Reads a folder of log segments by their format alone (docs/reliability.md), with nothing of firtrend: prints JSON.

Goes from the first byte to the last, in the order of the segments, and uses no index file.
"""
import json
import os
import re
import struct
import sys
import zlib

HEADER = 24
SEGMENT, SETTINGS, STREAM, SAMPLES, DAMAGED, DELETE, START, STOP, DOUBT = range(1, 10)
END, CARRIED, CLOCK, DOUBTED = 1, 2, 4, 8


def records(data, salt):
    """Good records of a segment, and the ranges of bytes between them."""
    at, hole = 0, None
    while at + HEADER <= len(data):
        crc, magic, version, kind, tag = struct.unpack_from("<IBBBB", data, at)
        length = int.from_bytes(data[at + 8:at + 11], "little")
        size = (HEADER + length + 7) // 8 * 8
        good = magic == 0xF1 and version == 1 and 1 <= kind & 15 <= 9 and at + size <= len(data)
        if not good or zlib.crc32(data[at + 4:at + HEADER + length], salt) != crc:
            hole = at if hole is None else hole
            at += 8
            continue
        if hole is not None:
            yield None
            hole = None
        yield {
            "type": kind & 15,
            "flags": kind >> 4,
            "tag": tag,
            "number": int.from_bytes(data[at + 11:at + 14], "little"),
            "seq": int.from_bytes(data[at + 14:at + 21], "little"),
            "drift": int.from_bytes(data[at + 21:at + 24], "little", signed=True),
            "payload": data[at + HEADER:at + HEADER + length],
        }
        at += size
    if hole is not None or at < len(data):
        yield None


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        value = struct.unpack_from("<" + form, self.data, self.at)[0]
        self.at += struct.calcsize("<" + form)
        return value

    def text(self):
        length = self.take("H")
        self.at += length
        return self.data[self.at - length:self.at].decode()

    def json(self):
        length = self.take("I")
        self.at += length
        return json.loads(self.data[self.at - length:self.at])


def settings(payload):
    reader = Reader(payload)
    told = reader.json()
    if "unfiltered" in told:
        return {"reason": told["unfiltered"]}
    kernels = []
    for taps in told["filter"].pop("taps"):
        bias = reader.take("d")
        kernels.append({"bias": bias, "taps": list(struct.unpack_from(f"<{taps}f", payload, reader.at))})
        reader.at += 4 * taps
    return {**told["filter"], "kernels": kernels}


def context(payload):
    reader = Reader(payload)
    told = {"count": reader.take("I"), "settings": reader.take("I"), "filterSeq": reader.take("d")}
    told["clock"] = [reader.take("d") for _ in range(3)]
    told["rate"] = reader.take("d")
    told["epoch"] = payload[reader.at:reader.at + 8].hex()
    reader.at += 8
    told["name"] = reader.text()
    told["channels"] = []
    for _ in range(reader.take("H")):
        channel = {"name": reader.text(), "offset": 0}
        extras = reader.take("B")
        if extras & 1:
            channel["unit"] = reader.text()
        if extras & 2:
            channel["offset"] = reader.take("d")
        told["channels"].append(channel)
    return told


def read(folder):
    names = sorted(name for name in os.listdir(folder) if name.endswith(".segment"))
    kernels, streams, numbers = {}, {}, {}
    for name in names:
        salt = int(re.fullmatch(r"\d{10}-([0-9a-f]{8})\.segment", name)[1], 16)
        with open(os.path.join(folder, name), "rb") as file:
            data = file.read()
        for record in records(data, salt):
            if record is None:
                continue
            kind, number, seq = record["type"], record["number"], record["seq"]
            if kind == SETTINGS:
                kernels[number] = settings(record["payload"])
            elif kind == STREAM:
                told = context(record["payload"])
                stream = numbers.setdefault(number, {"next": 0, "told": [], "filters": []})
                streams[told["name"]] = number
                if seq < stream["next"]:
                    stream.update(told=[], filters=[])
                stream.update(next=seq, context=told, proven=not record["flags"] & DOUBTED)
                change = [told["filterSeq"], told["settings"]]
                if told["settings"] and change not in stream["filters"][-1:]:
                    stream["filters"].append(change)
            elif kind == DELETE:
                streams = {name: held for name, held in streams.items() if held != number}
            elif kind == DOUBT:
                for held in streams.values():
                    numbers[held]["proven"] = False
            elif kind in (SAMPLES, DAMAGED):
                stream = numbers.get(number)
                if stream is None or record["tag"] != stream["context"]["count"] & 255:
                    continue
                if kind == DAMAGED:
                    stream["next"] = struct.unpack("<d", record["payload"])[0]
                    continue
                payload = record["payload"]
                base, time, period = stream["context"]["clock"]
                time = time + (seq - base) * period + record["drift"] / 4096
                if record["flags"] & CLOCK:
                    time, period = struct.unpack_from("<dd", payload)
                    payload = payload[16:]
                rows = len(payload) // 4 // len(stream["context"]["channels"])
                stream["told"].append([seq, rows, time, period, payload.hex()])
                stream["next"] = seq + rows
    found = {}
    for name, number in sorted(streams.items()):
        stream = numbers[number]
        told = stream["context"]
        found[name] = {
            "epoch": told["epoch"],
            "channels": told["channels"],
            "rate": told["rate"],
            "nextSeq": stream["next"],
            "proven": stream["proven"],
            "samples": stream["told"],
            "filters": [{"seq": seq, **kernels[settings]} for seq, settings in stream["filters"]],
        }
    return found


print(json.dumps(read(sys.argv[1])))
