import { FirtrendError, nearest } from '../../dsp/error.ts';
import type { ErrorLoss } from './errorLoss.ts';
import { huber } from './huber.ts';
import { quantile } from './quantile.ts';
import { squared } from './squared.ts';

/** By the name before the colon, from the text after it (undefined without a colon); null refuses that. */
const losses: Readonly<Record<string, (parameter: string | undefined) => ErrorLoss | null>> = {
  mse: (text) => (text === undefined ? squared : null),
  huber: (text = '1') => within(text, Infinity, huber),
  quantile: (text = '') => within(text, 1, quantile),
};

const expected = 'mse, huber, huber:D with D > 0, or quantile:q with 0 < q < 1';

/**
 * `mse`, `huber:D` (`huber` alone is `huber:1`) or `quantile:q`.
 *
 * @throws FirtrendError `loss`
 */
export function parseLoss(text: string): ErrorLoss {
  const [kind, parameter] = splitAt(text, ':');
  const found = Object.hasOwn(losses, kind) ? losses[kind]!(parameter) : null;
  if (found !== null) return found;
  const near = nearest(kind, Object.keys(losses)).filter((name) => name !== kind);
  throw new FirtrendError(
    'loss',
    `loss: expected ${expected}, got ${text}${near.length > 0 ? `; did you mean ${near[0]}?` : ''}`,
  );
}

function splitAt(text: string, mark: string): [before: string, after: string | undefined] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** Of a number above 0 and below `limit`. */
function within(text: string, limit: number, make: (value: number) => ErrorLoss): ErrorLoss | null {
  const value = Number(text);
  return text.trim() !== '' && value > 0 && value < limit ? make(value) : null;
}
