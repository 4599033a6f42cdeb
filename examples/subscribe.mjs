// Follows trends from Node: node examples/subscribe.mjs [ws://127.0.0.1:8420/v1] [pattern]
import { connect, WireError } from 'firtrend/client';

const [url = 'ws://127.0.0.1:8420/v1', streams = '**'] = process.argv.slice(2);

try {
  const client = await connect(url, {
    // A function is asked again before its token ends. Leave it out where the daemon wants none.
    token: () => process.env.FIRTREND_TOKEN ?? 'none',
  });
  for await (const event of await client.subscribe({ streams, fields: ['trend', 'coverage'] })) {
    switch (event.type) {
      case 'trend':
        console.log(event.name, event.seq, event.rows, event.trend?.[0]);
        break;
      case 'gap':
        console.log(event.name, `samples ${event.fromSeq} to ${event.toSeq - 1} never came`);
        break;
      case 'disconnected':
        console.log('gone:', event.error.message);
        break;
      case 'resumed':
        // Without a hole, unless it says so.
        for (const { name, recovered, lost } of event.streams)
          console.log(name, recovered ? 'goes on' : 'goes on, but lost', lost ?? '');
        break;
    }
  }
} catch (error) {
  if (!(error instanceof WireError)) throw error;
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = 1;
}
