"""What both ends of the rig know: the binary frame of docs/protocol.md, and the samples, which follow from where they stand."""
import json, struct, time
import numpy as np
from websockets.asyncio.client import connect

HEAD = struct.Struct("<BBHIQddIIII")  # type, head bytes / 8, flags, slot, seq, time, period, rows, channels, stride, 0
STREAMS = {"rig/one": 1, "rig/four": 4, "rig/nine": 9}  # with their channels
RATE = 1000.0
ZERO = 1_760_000_000_000.0  # ms since 1970 of the sample 0


def planes(stream, generation, seq, rows):
    """[channel][row]: what the producer means by these seqs in this generation; some samples are missing."""
    n = np.arange(seq, seq + rows, dtype=np.uint64)
    c = np.arange(STREAMS[stream], dtype=np.uint64)[:, None]
    mixed = (n * np.uint64(2654435761) + c * np.uint64(40503) + np.uint64(generation * 7919 + len(stream))) & np.uint64(0xFFFFF)
    values = (mixed.astype(np.float64) / 4096 - 128).astype(np.float32)
    values[(mixed % np.uint64(101)) == 0] = np.nan
    return values


def samples(slot, seq, values):
    rows = values.shape[1]
    return HEAD.pack(1, 6, 0, slot, seq, ZERO + seq, 1.0, rows, values.shape[0], 1, 0) + values.astype("<f4").tobytes()


def trend(data):
    """slot, seq, flags, and per row the bytes of raw, trend and coverage of all channels."""
    kind, head, flags, slot, seq, _, _, rows, channels, stride, _ = HEAD.unpack_from(data)
    assert kind == 2 and stride == 1, "a frame of trends with every row"
    at = 8 * head + (8 * rows if flags & 32 else 0)
    size = 4 * rows * channels
    kept = [data[i : i + size] for i in range(at, len(data), size)]
    assert flags & 1 and len(kept) == 2 + (flags >> 1 & 1), "trend and raw, and coverage where it is told"
    if len(kept) == 2:  # a coverage plane asked for and absent is all ones
        kept.append(np.ones(rows * channels, "<f4").tobytes())
    cells = [np.frombuffer(plane, "<u4").reshape(channels, rows).T for plane in (kept[1], kept[0], kept[2])]
    return slot, seq, flags, np.hstack(cells)  # [row][raw of all channels, trend of all, coverage of all], as bits


def say(**what):
    print(json.dumps(what), flush=True)


async def answered(socket, message):
    """Answers what keeps the connection alive. @returns whether it was that"""
    if message["type"] != "alive":
        return False
    if "echo" not in message:
        await socket.send(json.dumps({"type": "alive", "t": time.time() * 1000, "echo": message["t"]}))
    return True


def open_socket(url):
    return connect(url, subprotocols=["firtrend.v1.bin"], max_size=None, compression=None, open_timeout=5, ping_interval=None)
