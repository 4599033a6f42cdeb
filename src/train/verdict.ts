import type { Losses } from './baselines.ts';
import type { Covered } from './covered.ts';
import type { ErrorLoss } from './losses/errorLoss.ts';
import type { Target } from './targets.ts';

/** Closer to "no filter" than this, nothing was gained. */
const noGain = 0.99;

/** A loss below this is none. */
const exactly = 1e-12;

/**
 * What the losses mean, in one plain sentence, of the held-out part where there is one; a second where the loss aims at a
 * share of targets.
 */
export function verdict(judged: Judged): string {
  return [lossVerdict(judged), ...coverVerdict(judged)].join(' ');
}

interface Judged {
  readonly loss: ErrorLoss;
  readonly train: Losses;
  readonly heldOut: Losses | null;
  readonly covered: Covered | null;
  readonly target: Target;
}

function lossVerdict({ loss, train, heldOut, target }: Judged): string {
  const losses = heldOut ?? train;
  const where = heldOut === null ? 'On the data it was trained on' : 'On held-out data';
  if (train.learned >= noGain * train.newest || train.newest < exactly) {
    return (
      'Nothing is to be gained here: the best kernel is close to the newest sample alone, because ' +
      (target.kind === 'column'
        ? 'it already is as near to the target column as a trend of it comes; to smooth it choose the target ' +
          'smooth:PERIOD, with a period in samples above that of the noise.'
        : target.kind === 'forecast'
          ? 'the signal hardly changes in the forecast interval; for a trend choose the target smooth:PERIOD, with a ' +
            'period in samples above that of the noise.'
          : 'the signal holds little that is faster than the period; choose a longer one, smooth:PERIOD.')
    );
  }
  const share = percent(losses.learned / losses.newest);
  const rival =
    losses.sma < losses.ema
      ? (['moving average', losses.sma] as const)
      : (['exponential average', losses.ema] as const);
  return (
    `${where} the learned kernel's ${loss.noun} is ${share} of that of no filter, ` +
    `${compared(losses.learned, rival[1])} the best ${rival[0]}, and ${compared(losses.learned, losses.free)} ` +
    'the best kernel of any shape, which may overshoot.'
  );
}

function coverVerdict({ loss, covered }: Judged): string[] {
  if (covered === null || loss.covers === undefined) return [];
  const [share, part] =
    covered.heldOut === null ? [covered.train, 'training targets'] : [covered.heldOut, 'held-out targets'];
  return [
    `The trend is not below ${percent(share, 3)} of the ${part}, where ${percent(loss.covers, 3)} were asked for.`,
  ];
}

function compared(value: number, other: number): string {
  const ratio = value / other;
  if (Math.abs(ratio - 1) < 0.0005) return 'equal to that of';
  if (ratio > 2) return `${ratio.toPrecision(2)} times that of`;
  return `${percent(Math.abs(ratio - 1))} ${ratio < 1 ? 'below' : 'above'} that of`;
}

function percent(share: number, digits = 2): string {
  return `${(100 * share).toPrecision(digits)} %`;
}
