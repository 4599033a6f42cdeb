// Feeds a stream from Node: node examples/publish.mjs [ws://127.0.0.1:8420/v1] [seconds]
import { setTimeout } from 'node:timers/promises';
import { connect } from 'firtrend/client';

const [url = 'ws://127.0.0.1:8420/v1', seconds = '3600'] = process.argv.slice(2);
const rate = 64;

const client = await connect(url, { reconnect: { first: true } });
client.onState((state) => console.error(state.status, state.error?.message ?? ''));

const producer = await client.open({
  stream: 'example/pump',
  channels: [{ name: 'pressure', unit: 'kPa' }],
  rate,
  onEpoch: (epoch) => console.error(`the daemon has lost its log; new epoch ${epoch}`),
});

// A device that stamps its samples and does not number them: the numbers follow from the times, also where samples are
// missing. Sixteen samples a frame.
const rows = 16;
const began = Date.now();
for (let sent = 0; sent < Number(seconds) * rate; sent += rows) {
  const times = Array.from({ length: rows }, (_, i) => began + ((sent + i) * 1000) / rate);
  const pressure = times.map((time) => 101.3 + Math.sin(time / 2000) + 0.2 * (Math.random() - 0.5));
  // Waits while the daemon is behind or the connection is being made again: hold back here, or buffer as you like.
  await producer.send({ times, values: [pressure] });
  await setTimeout(times.at(-1) + 1000 / rate - Date.now());
}
// In the log, and not only on its way.
await producer.close();
await client.close();
console.log(`${producer.acked} samples acknowledged`);
