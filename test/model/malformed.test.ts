import { expect, test } from 'vitest';
import { readModel } from '../../src/model/gate.ts';
import { everything, perChannelFile, refusal, sharedFile } from './modelFiles.ts';

test('a number without an end is told as no ONNX file', () => {
  const endless = new Uint8Array(100).fill(0xff).fill(8, 0, 1);
  expect(() => readModel(endless, 'h', everything)).toThrow(refusal('modelNotOnnx', /EOF|varint/));
});

test('what is no ONNX file is told in one sentence', () => {
  const png = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');
  const files = [
    '',
    '{"taps": [0.5, 0.5]}',
    'time,x,y,z\n0,1,2,3\n',
    '<html></html>',
    png,
    Buffer.alloc(64),
    'PK\u0003\u0004',
  ];
  for (const file of files) {
    expect(() => readModel(Buffer.from(file), 'gait.csv'), String(file)).toThrow(
      refusal(
        'modelNotOnnx',
        /^model gait\.csv: not an ONNX file, or not the whole of one .* `firtrend train` wrote$/,
      ),
    );
  }
});

test('a file cut at any byte is refused', () => {
  for (const file of [sharedFile, perChannelFile]) {
    for (let length = 0; length < file.length; length++) {
      // Metadata comes last in the file and may be absent: only a cut between two entries leaves a whole model.
      const cut = file.subarray(0, length);
      let model: ReturnType<typeof readModel> | undefined;
      try {
        model = readModel(cut, 'cut', everything);
      } catch (error) {
        expect(error).toMatchObject({
          name: 'FirtrendError',
          code: expect.stringMatching(/^model(NotOnnx|Refused)$/),
        });
      }
      if (model !== undefined) expect(model.sha256).toBe(readModel(file, 'whole', everything).sha256);
    }
  }
});
