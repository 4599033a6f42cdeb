import { z } from 'zod';
import { WireError } from '../../wire/wireError.ts';
import { type Answer, HttpError } from '../http/answer.ts';
import type { View } from '../hub/view.ts';
import { historyEntries, type PastStream } from './historyEntries.ts';
import { historyCsv, historyJson } from './historyText.ts';
import { queryOf, wholeText } from './query.ts';
import type { StreamPorts } from './streamRoutes.ts';
import type { Turnstile } from './turnstile.ts';

const fieldNames = ['trend', 'raw', 'coverage'] as const;
const fieldsRule = 'some of trend, raw, coverage joined by commas, each once';

/** Texts joined by commas. */
const names = z.string().transform((text) => text.split(','));

const historyQuery = z.strictObject({
  from: wholeText(0, 'the first seq').optional(),
  to: wholeText(0, 'the seq behind the last one').optional(),
  last: wholeText(1, 'how many of the newest samples').optional(),
  fields: names
    .pipe(
      z.array(z.enum(fieldNames, fieldsRule)).refine((all) => new Set(all).size === all.length, fieldsRule),
    )
    .optional(),
  channels: names.optional(),
  every: wholeText(1, 'a step between rows').optional(),
  format: z.enum(['json', 'csv'], 'json or csv').optional(),
});

/**
 * The past of a stream, as far as it is held and was committed when it was asked for.
 *
 * @throws HttpError 400, 410 for a `from` that is no longer held, 503 where too many are at it
 */
export function historyAnswer(
  name: string,
  query: URLSearchParams,
  histories: Turnstile,
  { log, history }: Pick<StreamPorts, 'log' | 'history'>,
): Answer {
  const {
    from,
    to,
    last,
    fields = ['trend'],
    channels,
    every = 1,
    format = 'json',
  } = queryOf(query, historyQuery);
  const head = log.head(name);
  if (!head?.filter) throw new HttpError(404, 'notFound', `name: expected a stream there is, got ${name}`);
  const stream: PastStream = { ...head, name, kernel: head.filter };
  const floor = Math.min(history.floor(stream), head.nextSeq);
  const range = rangeOf({ from, to, last }, floor, head.nextSeq);
  const indices = channels?.map((channel) => indexOf(channel, stream));
  const view: View = {
    // Whether a row without a coverage plane is fully covered or has no kernel is told by its trend.
    trend: fields.includes('trend') || (format === 'csv' && fields.includes('coverage')),
    raw: fields.includes('raw'),
    coverage: fields.includes('coverage'),
    channels: indices ?? null,
    every,
  };
  const shown = indices?.map((c) => stream.channels[c]!) ?? stream.channels;
  const leave = histories.enter();
  const entries = historyEntries(history, stream, range, view);
  return {
    status: 200,
    type: format === 'csv' ? 'text/csv; charset=utf-8' : 'application/json',
    headers: {
      'firtrend-epoch': stream.epoch,
      'firtrend-from-seq': String(range.fromSeq),
      'firtrend-to-seq': String(range.toSeq),
      // Browsers let pages read no others unless they are named.
      'access-control-expose-headers': 'firtrend-epoch, firtrend-from-seq, firtrend-to-seq',
    },
    body: format === 'csv' ? historyCsv(shown, fields, entries) : historyJson(stream, shown, range, entries),
    done: leave,
  };
}

/** Half-open, as all ranges are. */
function rangeOf(
  asked: {
    readonly from: number | undefined;
    readonly to: number | undefined;
    readonly last: number | undefined;
  },
  floor: number,
  nextSeq: number,
): { readonly fromSeq: number; readonly toSeq: number } {
  const { from, to, last } = asked;
  if (last !== undefined) {
    if (from !== undefined || to !== undefined) {
      throw new HttpError(400, 'badMessage', 'last: expected either last, or from and to', { field: 'last' });
    }
    return { fromSeq: Math.max(floor, nextSeq - last), toSeq: nextSeq };
  }
  if (from !== undefined && from < floor) {
    const text = `from: expected ${floor} or more, the oldest trend that is held, got ${from}; without it the oldest is meant`;
    throw new HttpError(410, 'trimmed', text, { field: 'from' });
  }
  const fromSeq = from ?? floor;
  const toSeq = Math.min(to ?? nextSeq, nextSeq);
  if (fromSeq > Math.max(toSeq, floor)) {
    throw new HttpError(
      400,
      'badMessage',
      `from: expected at most ${toSeq} (to, or the head), got ${fromSeq}`,
      {
        field: 'from',
      },
    );
  }
  return { fromSeq, toSeq };
}

function indexOf(channel: string, { name, channels }: PastStream): number {
  const at = channels.findIndex((each) => each.name === channel);
  if (at >= 0) return at;
  const known = channels.map((each) => each.name).join(', ');
  throw new WireError(
    'unknownChannel',
    `channels: expected channels of ${name} (${known}), got "${channel}"`,
    {
      field: 'channels',
    },
  );
}
