import { join } from 'node:path';
import { expect, test } from 'vitest';
import { encodeModel } from '../../src/model/encodeModel.ts';
import { publish } from '../../src/model/repository.ts';
import { trendModel } from '../../src/model/trendModel.ts';
import { firtrend, retrain, root, serveProcess } from '../support/command.ts';
import { temporaryFolder } from '../support/models.ts';
import { type RawMessage, rawClient } from '../support/rawClient.ts';
import { appliedTrends, gaitRecording } from './gaitRecording.ts';

/* The loop closed: train on what the daemon has seen, compare, promote; the running daemon swaps, and nothing is lost. */

const recordingFile = join(root, 'recordings/gait-accelerometer.csv');

test('the running daemon is retrained from its own log, and swaps; every trend is that of its kernel, bit for bit', async () => {
  const [models, folder] = [await temporaryFolder(), await temporaryFolder()];
  const log = `file:${join(folder, 'log')}`;
  const kernels = [{ taps: new Float64Array(65).fill(1 / 65), bias: 0 }];
  await publish(models, 'walk', encodeModel(trendModel({ kernels })));
  const daemon = await serveProcess(['--log', log, '--models', models, '--model', 'walk']);

  const { names, values } = gaitRecording();
  const samples = values[0]!.length;
  const [producer, subscriber] = await Promise.all([1, 2].map(() => rawClient(daemon.url, { alive: 5000 })));
  await subscriber!.ask({ type: 'subscribe', streams: ['site/gait'] });
  const channels = names.map((name) => ({ name }));
  const { slot } = await producer!.ask({ type: 'open', stream: 'site/gait', channels, rate: 64 });
  let next = 0;
  const feed = async (to: number): Promise<void> => {
    for (; next < to; next += Math.min(16, to - next)) {
      const rows = values.map((plane) => [...plane.subarray(next, Math.min(next + 16, to))]);
      producer!.send({ type: 'samples', slot, seq: next, values: rows });
    }
    await producer!.until(({ type, nextSeq }) => type === 'ack' && nextSeq === to);
  };
  await feed(Math.floor(0.85 * samples));

  // The daemon takes samples while the candidate is trained.
  let trickling = true;
  const trickle = (async () => {
    while (trickling && next < samples - 20) {
      await feed(next + 1);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  const common = [
    '--from-log',
    'site/gait',
    '--log',
    log,
    '--name',
    'walk',
    '--models',
    models,
    '--holdout',
    '0.3',
  ];
  const outcome = await retrain(...common, '--taps', '65', '--json');
  expect(outcome).toMatchObject({ code: 0 });
  expect(JSON.parse(outcome.stdout)).toMatchObject({
    ...{ model: { name: 'walk', version: 2 }, promoted: true },
    comparison: { better: true },
  });
  const { changes } = await subscriber!.until(({ type, version }) => type === 'kernel' && version === 2, 20);
  trickling = false;
  await trickle;
  await feed(samples);
  await subscriber!.until((m) => m.type === 'trend' && m.seq + m.trend[0].length === samples);
  expect(await daemon.stop()).toBe(0);

  const swap = (changes as RawMessage[])[0]!.seq as number;
  expect(swap).toBeGreaterThan(0.85 * samples);
  expect(swap).toBeLessThan(samples);
  const [before, after] = await Promise.all(
    ['walk@1', 'walk@2'].map(async (model, i) => {
      const out = join(folder, `${i}.csv`);
      expect(await firtrend(['apply', model, recordingFile, '--models', models, '--out', out])).toMatchObject(
        {
          code: 0,
        },
      );
      return appliedTrends(out);
    }),
  );
  let told = 0;
  for (const { type, seq, trend } of subscriber!.messages) {
    if (type !== 'trend') continue;
    expect(seq).toBe(told);
    for (const [c, plane] of (trend as number[][]).entries()) {
      const expected = plane.map((_, i) => (seq + i < swap ? before! : after!)[c]![seq + i]!);
      expect(plane.map(Math.fround)).toEqual(expected);
    }
    told += trend[0].length;
  }
  expect(told).toBe(samples);

  // What is not better stays out of force; what is wrong is said before anything is trained.
  const again = await retrain(...common, '--taps', '65', '--last', '20', '--json');
  expect(JSON.parse(again.stdout)).toMatchObject({ promoted: false, inForce: { version: 2 } });
  const unknown = await retrain('--from-log', 'site/gat', '--log', log, '--name', 'walk', '--models', models);
  expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining('did you mean site/gait?') });
  const both = await retrain(recordingFile, ...common);
  expect(both).toMatchObject({ code: 2, stderr: expect.stringContaining('--from-log') });
});
