"""A client of firtrend.v1.json, written from docs/protocol.md alone: `pythonClient.py URL RECORDING.csv OUT.f32`.

Streams the recording and writes the trends it receives as little-endian float32, [channel][sample].
"""

import asyncio
import csv
import json
import sys

import numpy as np
import websockets

url, recording, out = sys.argv[1:]
with open(recording, newline="") as file:
    header, *rows = list(csv.reader(file))
names = header[1:]
x = [[float(row[c + 1]) for row in rows] for c in range(len(names))]
total = len(rows)


async def reply(socket, kind, number):
    async for text in socket:
        message = json.loads(text)
        if message["type"] == "error":
            raise RuntimeError(message["message"])
        if message["type"] == kind and message.get("id") == number:
            return message


async def main():
    async with websockets.connect(url, subprotocols=["firtrend.v1.json"], max_size=None) as producer, websockets.connect(
        url, subprotocols=["firtrend.v1.json"], max_size=None
    ) as subscriber:
        await producer.send(
            json.dumps({"type": "open", "id": 1, "stream": "python", "channels": [{"name": n} for n in names], "rate": 64})
        )
        opened = await reply(producer, "opened", 1)
        await subscriber.send(json.dumps({"type": "subscribe", "id": 1, "streams": ["python"], "fields": ["trend"]}))
        subscribed = await reply(subscriber, "subscribed", 1)
        (stream,) = subscribed["streams"]

        async def produce():
            for seq in range(opened["nextSeq"], total, 100):
                values = [plane[seq : seq + 100] for plane in x]
                await producer.send(json.dumps({"type": "samples", "slot": opened["slot"], "seq": seq, "values": values}))
            async for text in producer:
                message = json.loads(text)
                if message["type"] == "ack" and message["nextSeq"] == total:
                    return

        async def consume():
            planes = [[] for _ in names]
            async for text in subscriber:
                message = json.loads(text)
                if message["type"] != "trend" or message["slot"] != stream["slot"]:
                    continue
                assert message["seq"] == len(planes[0])
                for plane, part in zip(planes, message["trend"]):
                    plane.extend(float("nan") if value is None else value for value in part)
                if len(planes[0]) == total:
                    return planes

        planes, _ = await asyncio.gather(consume(), produce())
        np.array(planes, dtype="<f4").tofile(out)


asyncio.run(main())
