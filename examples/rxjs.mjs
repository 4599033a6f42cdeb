// Trends as an RxJS stream: node examples/rxjs.mjs [ws://127.0.0.1:8420/v1] [pattern]
import { connect } from 'firtrend/client';
import { bufferTime, defer, filter, from, groupBy, map, mergeMap, take } from 'rxjs';

const [url = 'ws://127.0.0.1:8420/v1', streams = '**'] = process.argv.slice(2);

const client = await connect(url);

// A subscription is an async iterable, so `from` is the whole bridge. Unsubscribing ends it at the daemon too.
const events = defer(() => client.subscribe({ streams })).pipe(
  mergeMap((subscription) => from(subscription)),
);

events
  .pipe(
    filter(({ type }) => type === 'trend'),
    groupBy(({ name }) => name),
    // Each stream's mean of the first channel, a line a second.
    mergeMap((stream) =>
      stream.pipe(
        mergeMap(({ trend, rows }) => trend?.subarray(0, rows) ?? []),
        bufferTime(1000),
        filter((values) => values.length > 0),
        map((values) => `${stream.key} ${(values.reduce((a, b) => a + b) / values.length).toFixed(3)}`),
      ),
    ),
    take(3),
  )
  .subscribe({ next: (line) => console.log(line), complete: () => client.close() });
