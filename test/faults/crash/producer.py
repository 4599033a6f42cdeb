"""Feeds the streams of the rig, through every end of the daemon, and keeps a ledger of what was acknowledged.

producer.py URL LEDGER SEED          lines on stdin: {"limit": rows}: go so far; {"hold": true}: a little further; {"end": true}
producer.py URL - SEED LEDGER        feeds what that ledger says was held in the end

In the ledger, which is written at each end of a connection and at the end, stands for each stream: `acked`, and `pieces`,
[from, generation] in order; generation null: never sent. After a break it sends the same again, or other data for what was
not acknowledged, or never sends it at all, as the dice fall.
"""
import asyncio, json, random, sys
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from wire import RATE, STREAMS, answered, open_socket, planes, samples, say

url, path, seed = sys.argv[1:4]
dice = random.Random(int(seed))
script = json.load(open(sys.argv[4]))["streams"] if len(sys.argv) > 4 else None
state = {name: {"epoch": None, "acked": 0, "sent": 0, "pieces": [[0, 0]], "made": 0} for name in STREAMS}
limit, ending, cuts, wrong = 0, False, {"with": 0, "without": 0}, []
changed = asyncio.Event()
at_work = False


def generation(held, seq):
    return [g for start, g in held["pieces"] if start <= seq][-1]


def run_end(held, seq):
    return min([start for start, _ in held["pieces"] if start > seq], default=2**53)


def settle(name, held, next_seq):
    """What becomes of the seqs that were sent and not acknowledged, of which the daemon holds those below next_seq."""
    fate = dice.choice(["same", "other", "never"])
    held["acked"] = next_seq
    again = max(0, next_seq - dice.randrange(20))
    if script is None and held["sent"] > next_seq and fate != "same":
        held["pieces"] = [piece for piece in held["pieces"] if piece[0] < next_seq]
        held["made"] += 1
        if fate == "never":
            held["pieces"].append([next_seq, None])
            next_seq = held["sent"]
        held["pieces"].append([next_seq, held["made"]])
    # Some of what is held is sent again, too.
    held["sent"] = again


async def live(socket):
    """One connection, until it ends."""
    global at_work
    slots = {}
    for number, (name, held) in enumerate(state.items(), 1):
        channels = [{"name": f"c{i}"} for i in range(STREAMS[name])]
        quoted = {"epoch": held["epoch"], "nextSeq": held["acked"]} if held["epoch"] else {}
        await socket.send(json.dumps({"type": "open", "id": number, "stream": name, "channels": channels, "rate": RATE, "producer": "rig", **quoted}))
        while True:
            data = json.loads(await socket.recv())
            if data["type"] == "opened":
                break
            if data["type"] == "error":
                wrong.append(f"{name}: open was refused: {data}")
                return
        if held["epoch"] not in (None, data["epoch"]):
            wrong.append(f"{name}: acknowledged up to {held['acked']} of epoch {held['epoch']}, and the epoch is {data['epoch']} now")
        if held["acked"] > data["nextSeq"]:
            wrong.append(f"{name}: acknowledged up to {held['acked']}, held up to {data['nextSeq']}")
        settle(name, held, data["nextSeq"])
        held["epoch"] = data["epoch"]
        slots[data["slot"]] = name
    say(up=True)
    at_work = True

    async def hear():
        async for data in socket:
            message = json.loads(data)
            if message["type"] == "ack":
                held = state[slots[message["slot"]]]
                held["acked"] = max(held["acked"], message["nextSeq"])
                changed.set()
            elif not await answered(socket, message) and message["type"] in ("error", "closed"):
                wrong.append(f"told {message}")

    hearing = asyncio.create_task(hear())
    try:
        while not ending:
            idle = True
            for slot, name in slots.items():
                held = state[name]
                if held["sent"] >= limit or held["sent"] - held["acked"] > 400:
                    continue
                idle = False
                seq = held["sent"]
                made = generation(held, seq)
                rows = min(dice.randrange(1, 9), limit - seq, run_end(held, seq) - seq)
                if made is None:
                    held["sent"] = min(run_end(held, seq), limit)
                    continue
                await socket.send(samples(slot, seq, planes(name, made, seq, rows)))
                held["sent"] = seq + rows
            if idle and not any(reach(held) > held["acked"] for held in state.values()):
                say(at=limit)
            if idle:
                changed.clear()
                await asyncio.wait([hearing, asyncio.create_task(changed.wait())], return_when=asyncio.FIRST_COMPLETED)
            if hearing.done():
                break
            await asyncio.sleep(0.001 if script is None else 0)
    finally:
        hearing.cancel()
        outcome = await asyncio.gather(hearing, return_exceptions=True)
        if outcome and isinstance(outcome[0], (KeyError, ValueError, TypeError)):
            raise outcome[0]


def reach(held):
    """Up to where something is to be acknowledged below the limit."""
    at = limit
    while at > 0 and generation(held, at - 1) is None:
        at = max(start for start, _ in held["pieces"] if start < at)
    return at


def write_ledger():
    if path == "-":
        return
    with open(path, "w") as file:
        json.dump({"streams": state, "cuts": cuts, "wrong": wrong}, file)


async def commands():
    global limit, ending
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async for line in reader:
        command = json.loads(line)
        limit = command.get("limit", limit)
        if "hold" in command:
            # Beyond all that is never sent: else a later break could fill it, and a swap there would have another seq.
            limit = max(max(held["sent"], held["pieces"][-1][0]) for held in state.values()) + 50
        ending = command.get("end", ending)
        changed.set()


async def main():
    if script is not None:
        for name, held in state.items():
            held["pieces"] = script[name]["pieces"]
    global at_work
    listening = asyncio.create_task(commands())
    while not ending:
        at_work = False
        try:
            async with open_socket(url) as socket:
                await live(socket)
        except (OSError, ConnectionClosed, InvalidHandshake, TimeoutError, asyncio.TimeoutError):
            pass
        if ending:
            break
        if at_work:
            unsure = any(held["sent"] > held["acked"] for held in state.values())
            cuts["with" if unsure else "without"] += 1
        write_ledger()
        await asyncio.sleep(0.02)
    write_ledger()
    say(ended=True)
    listening.cancel()


asyncio.run(main())
