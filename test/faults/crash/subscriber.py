"""Follows the streams of the rig through every end of the daemon, and keeps what it was told.

subscriber.py URL FOLDER             until {"end": rows} comes on stdin and all rows below are told
subscriber.py URL FOLDER oldest ROWS the whole past at once

In FOLDER stand for each stream: NAME.rows, [row][raw, trend, coverage] as float32, one row a seq told, and in told.json the
seqs as ranges, the kernels, what was told as missing, and what was wrong.
"""
import asyncio, json, os, sys
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from wire import STREAMS, answered, open_socket, say, trend

url, folder = sys.argv[1:3]
goal = int(sys.argv[4]) if len(sys.argv) > 4 else None
told = {name: {"epoch": None, "next": 0, "ranges": [], "gaps": [], "kernels": []} for name in STREAMS}
files = {name: open(os.path.join(folder, name.replace("/", "-") + ".rows"), "wb") for name in STREAMS}
wrong, connections = [], 0
said = {}  # by `subscribed`: in force from the slot's beginning on, unless `kernel` comes before its first frame


def begin(info):
    held = told[info["name"]]
    if held["epoch"] not in (None, info["epoch"]):
        wrong.append(f"{info['name']}: had epoch {held['epoch']}, and it is {info['epoch']} now")
    if info.get("recovered") is False or "lost" in info:
        wrong.append(f"{info['name']}: at {held['next']}: not recovered: {info.get('lost')}")
    held["epoch"] = info["epoch"]
    said[info["name"]] = (held["next"], info["version"])
    return info["name"]


def kernel(name, seq, version):
    said.pop(name, None)
    kernels = told[name]["kernels"]
    if not kernels or kernels[-1][1] != version:
        kernels.append([seq, version])


def extend(ranges, start, end):
    if ranges and ranges[-1][1] == start:
        ranges[-1][1] = end
    else:
        ranges.append([start, end])


def take(name, seq, flags, rows):
    held = told[name]
    if seq < held["next"]:
        wrong.append(f"{name}: {seq} again, where {held['next']} is next")
        return
    if seq > held["next"]:
        wrong.append(f"{name}: {seq} where {held['next']} is next, and no gap told")
    if flags & 16:
        wrong.append(f"{name}: {seq} is said to be recomputed")
    if name in said:
        kernel(name, *said[name])
    files[name].write(rows.astype("<u4").tobytes())
    extend(held["ranges"], seq, seq + len(rows))
    held["next"] = seq + len(rows)


async def live(socket):
    global connections
    connections += 1
    positions = {name: {"epoch": held["epoch"], "seq": held["next"]} for name, held in told.items() if held["epoch"]}
    start = {"positions": positions, "others": "oldest"}
    fields = ["trend", "raw", "coverage"]
    await socket.send(json.dumps({"type": "subscribe", "id": 1, "streams": ["rig/*"], "fields": fields, "mode": "lossless", "start": start}))
    names = {}
    async for data in socket:
        if isinstance(data, bytes):
            slot, seq, flags, rows = trend(data)
            take(names[slot], seq, flags, rows)
        else:
            message = json.loads(data)
            if await answered(socket, message):
                continue
            if message["type"] in ("subscribed", "added"):
                for info in message["streams"]:
                    names[info["slot"]] = begin(info)
                say(up=True)
            elif message["type"] == "kernel":
                for change in message["changes"]:
                    kernel(names[change["slot"]], change["seq"], message["version"])
            elif message["type"] == "gap":
                name = names[message["slot"]]
                if message["reason"] != "source" or message["fromSeq"] != told[name]["next"]:
                    wrong.append(f"{name}: {message}, where {told[name]['next']} is next")
                extend(told[name]["gaps"], message["fromSeq"], message["toSeq"])
                told[name]["next"] = message["toSeq"]
            elif message["type"] in ("error", "removed"):
                wrong.append(f"told {message}")
                return
        if goal is not None and all(held["next"] >= goal for held in told.values()):
            return


async def commands():
    global goal
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async for line in reader:
        goal = json.loads(line)["end"]


def reached():
    return goal is not None and all(held["next"] >= goal for held in told.values())


async def main():
    listening = asyncio.create_task(commands()) if len(sys.argv) <= 4 else None
    while not reached() and not wrong:
        following = None
        try:
            async with open_socket(url) as socket:
                following = asyncio.create_task(live(socket))
                # The goal may be set when all has come already.
                while not following.done() and not reached():
                    await asyncio.wait([following], timeout=0.05)
                if following.done():
                    following.result()
                following.cancel()
        except (OSError, ConnectionClosed, InvalidHandshake, TimeoutError, asyncio.TimeoutError):
            pass
        await asyncio.sleep(0.02)
    for file in files.values():
        file.close()
    with open(os.path.join(folder, "told.json"), "w") as file:
        json.dump({"streams": told, "wrong": wrong, "connections": connections}, file)
    say(ended=True)
    if listening:
        listening.cancel()


asyncio.run(main())
