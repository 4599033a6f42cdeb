import { join } from 'node:path';
import { from, lastValueFrom, toArray } from 'rxjs';
import { expect, test } from 'vitest';
import { type Frame, openModel, trend } from '../../src/filter/filter.ts';
import { encodeModel } from '../../src/model/encodeModel.ts';
import { publish } from '../../src/model/repository.ts';
import { sampleModels } from '../model/samples.ts';
import { root } from '../support/command.ts';
import { repositoryWith, sampleTaps, temporaryFolder } from '../support/models.ts';
import { mustBeNearReference } from './againstReference.ts';
import { coverageOf } from './support.ts';

test('a model of the repository, or its file, filters streams of any number of channels', async () => {
  const models = await repositoryWith(sampleTaps(9), { rate: 64 });
  const x = Float32Array.from({ length: 40 }, (_, n) => Math.sin(n) + n);
  const frames: Frame[] = [
    { seq: 7, rows: 10, planes: x.slice(0, 10) },
    { seq: 17, rows: 30, planes: x.slice(10) },
  ];
  for (const ref of ['test', 'test@1', join(models, 'test/1/model.onnx')]) {
    const model = await openModel(ref, { models });
    expect(model).toMatchObject({ taps: 9, exact: true, device: { provider: 'cpu' }, model: { rate: 64 } });
    const parts = await lastValueFrom(from(frames).pipe(trend(model), toArray()));
    expect(parts.map(({ seq }) => seq)).toEqual([7, 17]);
    const joined = (pick: (part: (typeof parts)[number]) => Float32Array) =>
      Float32Array.from(parts.flatMap((part) => [...pick(part)]));
    const trends = { trend: joined((part) => part.trend), coverage: joined(coverageOf) };
    mustBeNearReference(x, { taps: sampleTaps(9), bias: 0 }, 1 / 18, trends);
    await model.release();
  }
});

test('what cannot be opened says why: no such model, a lost guarantee, a device or a threshold out of reach', async () => {
  const models = await repositoryWith(sampleTaps(9));
  await expect(openModel('tset', { models })).rejects.toThrow(/did you mean test\?/);
  await expect(openModel('test', { models, minCoverage: 2 })).rejects.toMatchObject({ code: 'minCoverage' });
  const biased = await temporaryFolder();
  await publish(biased, 'biased', encodeModel(sampleModels(5)['per channel, bias']!));
  await expect(openModel('biased', { models: biased })).rejects.toMatchObject({ code: 'modelNotAllowed' });
  const model = await openModel('biased', { models: biased, allow: { bias: true }, minCoverage: 0.5 });
  expect(model).toMatchObject({ channels: 9, minCoverage: 0.5 });
  const frame = { seq: 0, rows: 2, planes: new Float32Array(4) };
  await expect(lastValueFrom(from([frame]).pipe(trend(model)))).rejects.toMatchObject({
    code: 'channelMismatch',
  });
  await model.release();
});

test('the repository of the working directory is where names are looked for', async () => {
  expect(process.cwd()).toBe(root.replace(/\/$/, ''));
  const model = await openModel('gait');
  expect(model.model).toMatchObject({ name: 'gait', version: 1 });
  await model.release();
});
