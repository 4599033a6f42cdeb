import type { ChannelInfo, StreamRecord } from '../sampleLog.ts';
import { type ByteReader, takeBytes, takeF64, takeText, takeU16, takeU32 } from './byteReader.ts';
import { type ByteWriter, putBytes, putF64, putText, putU16, putU32 } from './byteWriter.ts';
import type { Settled } from './catalog.ts';

/** The payload of a `stream` record: all that later records of the stream rest on. */
export interface Context extends Settled {
  readonly begin: StreamRecord;
}

const hasUnit = 1;
const hasOffset = 2;

export function putContext(writer: ByteWriter, begin: StreamRecord, { count, filter, clock }: Settled): void {
  putU32(writer, count);
  putU32(writer, filter?.settings ?? 0);
  putF64(writer, filter?.seq ?? 0);
  putF64(writer, clock.seq);
  putF64(writer, clock.time);
  putF64(writer, clock.period);
  putF64(writer, begin.rate);
  putBytes(writer, Buffer.from(begin.epoch, 'hex'));
  putText(writer, begin.stream);
  putU16(writer, begin.channels.length);
  for (const { name, unit, offset } of begin.channels) {
    putText(writer, name);
    const extra = offset !== 0;
    putBytes(writer, Uint8Array.of((unit === undefined ? 0 : hasUnit) | (extra ? hasOffset : 0)));
    if (unit !== undefined) putText(writer, unit);
    if (extra) putF64(writer, offset);
  }
}

export function takeContext(reader: ByteReader): Context {
  const count = takeU32(reader);
  const settings = takeU32(reader);
  const filterSeq = takeF64(reader);
  const clock = { seq: takeF64(reader), time: takeF64(reader), period: takeF64(reader) };
  const rate = takeF64(reader);
  const epoch = takeBytes(reader, 8).toString('hex');
  const stream = takeText(reader);
  const channels: ChannelInfo[] = [];
  for (let left = takeU16(reader); left > 0; left--) {
    const name = takeText(reader);
    const extras = takeBytes(reader, 1)[0]!;
    const unit = extras & hasUnit ? takeText(reader) : undefined;
    const offset = extras & hasOffset ? takeF64(reader) : 0;
    channels.push(unit === undefined ? { name, offset } : { name, unit, offset });
  }
  return {
    begin: { type: 'stream', stream, epoch, channels, rate },
    count,
    clock,
    filter: settings === 0 ? undefined : { seq: filterSeq, settings },
  };
}
