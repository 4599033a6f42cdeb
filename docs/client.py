"""A client of firtrend.v1 in Python, written from protocol.md alone. `FORM` is json or bin.
client.py URL FORM publish STREAM RATE FILE.csv    a header of names, then a row a sample; empty is missing
client.py URL FORM subscribe STREAM [ROWS]         prints seq and trends, a line a row
"""
import asyncio, csv, json, struct, sys, time
from websockets.asyncio.client import connect

NAN, HEAD = float("nan"), struct.Struct("<BBHIQddIIII")  # type, head bytes / 8, flags, slot, seq, time, period, rows, channels, stride, 0


def samples(form, slot, seq, planes):
    if form == "json":
        values = [[None if v != v else v for v in plane] for plane in planes]
        return json.dumps({"type": "samples", "slot": slot, "seq": seq, "values": values})
    flat = [v for plane in planes for v in plane]
    head = HEAD.pack(1, 6, 0, slot, seq, NAN, NAN, len(planes[0]), len(planes), 1, 0)  # neither time nor period
    return head + struct.pack(f"<{len(flat)}f", *flat)


def decoded(data):
    if isinstance(data, str):
        return json.loads(data)
    _, head, flags, slot, seq, _, _, rows, channels, stride, _ = HEAD.unpack_from(data)
    at = 8 * head + (8 * rows if flags & 32 else 0)
    size = rows * channels  # the trend is the first plane, and is there if there is one more than the flags say
    there = (len(data) - at) // (4 * size) > (flags & 1) + (flags >> 1 & 1)
    flat = [None if v != v else v for v in struct.unpack_from(f"<{size}f", data, at)] if there else []
    trend = [flat[c * rows : (c + 1) * rows] for c in range(channels)]
    return {"type": "trend", "slot": slot, "seq": seq, "stride": stride, "trend": trend}


async def main(url, form, verb, stream, rate=None, file=None):
    if verb == "publish":
        names, *lines = csv.reader(open(file, newline=""))
        planes = [[float(line[c] or "nan") for line in lines] for c in range(len(names))]
        first = {"type": "open", "id": 1, "stream": stream, "channels": [{"name": n} for n in names], "rate": float(rate)}
    else:
        first, goal = {"type": "subscribe", "id": 1, "streams": [stream]}, int(rate or 2**53)
    async with connect(url, subprotocols=["firtrend.v1." + form], max_size=None, compression=None) as socket:
        await socket.send(json.dumps(first))
        async for data in socket:
            message = decoded(data)
            if message["type"] == "error":
                sys.exit(message["message"])
            if message["type"] == "alive" and "echo" not in message:
                await socket.send(json.dumps({"type": "alive", "t": time.time() * 1000, "echo": message["t"]}))
            if message["type"] == "opened":
                for seq in range(message["nextSeq"], len(lines), 100):
                    await socket.send(samples(form, message["slot"], seq, [plane[seq : seq + 100] for plane in planes]))
            if message["type"] == "ack" and message["nextSeq"] == len(lines):
                return
            for i, row in enumerate(zip(*message.get("trend", []))):
                print(message["seq"] + i * message.get("stride", 1), *row, flush=True)
                goal -= 1
            if verb == "subscribe" and goal <= 0:
                return


asyncio.run(main(*sys.argv[1:]))
