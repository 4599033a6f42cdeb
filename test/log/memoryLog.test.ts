import { expect, test } from 'vitest';
import { memoryLog } from '../../src/log/memoryLog.ts';
import { sampleLogContract, samplesRecord, streamRecord } from './contract.ts';

sampleLogContract('memory', async () => memoryLog());

test('a commit that fails before its write leaves nothing; one that fails after it has left all', async () => {
  let failing: 'before' | 'after' | undefined;
  const log = memoryLog({
    hook: (edge) => {
      if (edge === failing) throw new Error(`injected ${edge}`);
    },
  });
  await log.commit([streamRecord('a')]);
  failing = 'before';
  await expect(log.commit([samplesRecord('a', 0, 4)])).rejects.toThrow('injected before');
  expect(log.head('a')?.nextSeq).toBe(0);
  failing = 'after';
  await expect(log.commit([samplesRecord('a', 0, 4)])).rejects.toThrow('injected after');
  expect(log.head('a')?.nextSeq).toBe(4);
  failing = undefined;
  await log.commit([samplesRecord('a', 4, 1)]);
  expect(log.head('a')?.nextSeq).toBe(5);
});

test('the owner may go on with its array after commit: the log keeps its own', async () => {
  const log = memoryLog();
  await log.commit([streamRecord('a')]);
  const batch = [samplesRecord('a', 0, 2)];
  const commit = log.commit(batch);
  batch.length = 0;
  await commit;
  expect(log.head('a')?.nextSeq).toBe(2);
});
