import { Command, Option } from 'commander';
import { FirtrendError } from '../dsp/error.ts';
import { defaultLogFolder } from '../log/logPlace.ts';
import type { SegmentReader } from '../log/segmentReader.ts';
import { logFolderOption } from './logOption.ts';
import { examples, wholeNumber } from './options.ts';
import { note, print, printJson } from './output.ts';
import { mustHold } from './streamInLog.ts';

interface LogFlags {
  readonly log: string;
  readonly json?: boolean;
}

interface ExportFlags extends LogFlags {
  readonly out: string;
  readonly from: number;
  readonly to: number;
  readonly loggedTimes?: boolean;
}

/** `firtrend log`: what a daemon has kept, read beside it while it runs. */
export function logCommand(): Command {
  const command = new Command('log').description(
    'what the daemon has kept: list streams, export recordings, check every byte, begin new epochs',
  );
  for (const part of [listCommand(), exportCommand(), checkCommand(), newEpochCommand()])
    command.addCommand(part);
  return command.addHelpText(
    'after',
    examples(
      'firtrend log list',
      'firtrend log export site/gait --out gait.csv',
      'firtrend log check --log file:/srv/firtrend/log --json',
    ),
  );
}

function listCommand(): Command {
  return withLogFlags(new Command('list').description('all streams with what is held of them'))
    .addHelpText(
      'after',
      examples('firtrend log list', `firtrend log list --log file:${defaultLogFolder()} --json`),
    )
    .action(async ({ log: folder, json }: LogFlags) => {
      await reading(folder, async (log) => {
        const streams = log.streams().map((name) => summary(log, name));
        if (json) printJson({ streams, segments: log.segments, writer: log.writer ?? null });
        else if (streams.length === 0) print(`no streams in ${folder}`);
        for (const { name, channels, rate, oldestSeq, nextSeq, newest, filter, proven } of json
          ? []
          : streams) {
          const until = newest === null ? '' : ` until ${newest}`;
          const doubt = proven ? '' : ', goes on in a new epoch';
          print(
            `${name}: [${oldestSeq}, ${nextSeq})${until}, ${channels.length} × ${rate} Hz, ${filter ?? 'no kernel'}${doubt}`,
          );
        }
      });
    });
}

function summary(log: SegmentReader, name: string) {
  const { epoch, channels, rate, oldestSeq, nextSeq, newestTime, filter, proven } = log.head(name)!;
  return {
    name,
    epoch,
    channels,
    rate,
    oldestSeq,
    nextSeq,
    newest: newestTime === undefined ? null : new Date(newestTime).toISOString(),
    filter: filter?.type === 'filter' ? `${filter.model}@${filter.version}` : null,
    proven,
  };
}

function exportCommand(): Command {
  return withLogFlags(
    new Command('export')
      .description("a stream's samples as a recording that train and replay take")
      .argument('<stream>', 'name of the stream')
      .requiredOption('--out <file>', 'where to: .parquet, else CSV; - is stdout (required)')
      .option('--from <seq>', 'the first sample', seq, 0)
      .option('--to <seq>', 'the one after the last', seq, Number.MAX_SAFE_INTEGER)
      .option('--logged-times', 'the times that the samples were stamped with, not those by number and rate'),
  )
    .addHelpText(
      'after',
      examples(
        'firtrend log export site/gait --out gait.csv',
        'firtrend log export site/gait --from 3600 --to 7200 --out - | head',
      ),
    )
    .action(
      async (stream: string, { log: folder, json, out, from, to, loggedTimes = false }: ExportFlags) => {
        await reading(folder, async (log) => {
          mustHold(log, stream, folder);
          const { channels } = log.head(stream)!;
          let damaged = 0;
          const onDamaged = (fromSeq: number, toSeq: number): void => {
            damaged += toSeq - fromSeq;
            note(`samples [${fromSeq}, ${toSeq}) are damaged and left out`);
          };
          const { csvLines, exportRows } = await import('./exportRows.ts');
          const pieces = exportRows(log, { stream, fromSeq: from, toSeq: to, loggedTimes, onDamaged });
          const rows = await write(out, channels, pieces, csvLines, folder);
          if (json) printJson({ stream, out, rows, damaged });
          else note(`${rows} samples of ${stream} in ${out}`);
        });
      },
    );
}

async function write(
  out: string,
  channels: NonNullable<ReturnType<SegmentReader['head']>>['channels'],
  pieces: AsyncIterable<import('../train/writeParquet.ts').RecordingRows>,
  csvLines: typeof import('./exportRows.ts').csvLines,
  folder: string,
): Promise<number> {
  if (/\.parquet$/i.test(out)) {
    const { writeParquet } = await import('../train/writeParquet.ts');
    return writeParquet(
      out,
      channels.map(({ name, offset }) => ({ name, double: offset !== 0 })),
      pieces,
    );
  }
  const { writeWhole } = await import('./writeWhole.ts');
  return writeWhole(out, csvLines(channels, pieces), folder);
}

function checkCommand(): Command {
  return withLogFlags(
    new Command('check').description('read every byte; exit code 1 where something is damaged'),
  )
    .addHelpText('after', examples('firtrend log check', 'firtrend log check --json'))
    .action(async ({ log: folder, json }: LogFlags) => {
      await reading(folder, async (log) => {
        const { damaged, lost, samples } = await log.check();
        const bytes = log.segments.reduce((sum, segment) => sum + segment.bytes, 0);
        const records = log.segments.reduce((sum, segment) => sum + segment.records, 0);
        const { unfinished } = log;
        const streams = log.streams().length;
        if (json) {
          printJson({
            segments: log.segments.length,
            bytes,
            records,
            streams,
            samples,
            unfinished,
            damaged,
            lost,
          });
        } else {
          print(
            `${log.segments.length} segments, ${bytes} bytes, ${records} records, ${streams} streams, ${samples} samples`,
          );
          if (unfinished > 0)
            print(`${unfinished} bytes of a commit under way, or cut short: never acknowledged`);
          for (const { segment, from, to } of damaged)
            print(`segment ${segment}: bytes [${from}, ${to}) are damaged`);
          for (const { stream, fromSeq, toSeq } of lost)
            print(`${stream}: samples [${fromSeq}, ${toSeq}) are lost`);
        }
        if (damaged.length > 0 || lost.length > 0) {
          throw new FirtrendError('logDamaged', `${folder}: ${damaged.length} damaged places`);
        }
      });
    });
}

function newEpochCommand(): Command {
  return withLogFlags(
    new Command('new-epoch').description(
      'let every stream go on in a new epoch: after a copy of the log was restored, which lacks what came later',
    ),
  )
    .addHelpText('after', examples('firtrend log new-epoch --log file:/srv/firtrend/log'))
    .action(async ({ log: folder, json }: LogFlags) => {
      const streams = await reading(folder, async (log) => log.streams());
      const { segmentLog } = await import('../log/segmentLog.ts');
      const log = await segmentLog(folder, { doubt: 'new-epoch' });
      await log.close();
      if (json) printJson({ streams });
      else print(`${streams.length} streams go on in new epochs`);
    });
}

function withLogFlags(command: Command): Command {
  return command.addOption(logFolderOption()).addOption(new Option('--json', 'print one JSON document'));
}

async function reading<T>(folder: string, work: (log: SegmentReader) => Promise<T>): Promise<T> {
  const { readSegments } = await import('../log/segmentReader.ts');
  const log = await readSegments(folder);
  try {
    return await work(log);
  } finally {
    await log.close();
  }
}

const seq = wholeNumber(0, Number.MAX_SAFE_INTEGER);
