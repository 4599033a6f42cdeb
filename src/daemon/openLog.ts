import { maxTaps } from '../dsp/kernel.ts';
import { logPlace } from '../log/logPlace.ts';
import { memoryLog } from '../log/memoryLog.ts';
import type { SampleLog, TrimRule } from '../log/sampleLog.ts';
import { segmentLog } from '../log/segmentLog.ts';
import type { Config } from './config/schema.ts';

/** What is heard of a log while it is open. */
export interface LogTidings {
  /** Whether space has run out: commits wait until there is some. */
  readonly full: (full: boolean) => void;
  /** Storage has failed: nothing can be committed any more. */
  readonly broken: (error: Error) => void;
}

/** What the configuration names, opened: nobody else can write to it meanwhile. @throws those of `segmentLog` */
export async function openLog(
  { log, sync }: Pick<Config, 'log' | 'sync'>,
  { full, broken }: LogTidings,
): Promise<SampleLog> {
  const place = logPlace(log)!;
  if (place.kind === 'memory') return memoryLog();
  return segmentLog(place.folder, { sync, onFull: full, onBroken: broken });
}

/** How long and how much is kept. */
export function retentionOf(
  { retention }: Pick<Config, 'retention'>,
  { durability }: Pick<SampleLog, 'durability'>,
): TrimRule {
  const inMemory = durability === 'memory';
  const maxBytes = retention.bytes ?? (inMemory ? 256 * 2 ** 20 : 10 * 2 ** 30);
  return { maxBytes, ...(!inMemory && { maxAge: retention.age }), keepSamples: maxTaps - 1 };
}
