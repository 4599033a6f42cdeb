import type { WindowLoss } from './windowLoss.ts';

/** The loss over evenly spaced windows, in all not many more than `most`; itself where there are no more. */
export function thinned(loss: WindowLoss, most: number): WindowLoss {
  const all = loss.channels.reduce((total, { windows }) => total + windows, 0);
  const every = Math.floor(all / most);
  if (every < 2) return loss;
  return {
    ...loss,
    channels: loss.channels.map((channel) => {
      const recordings = channel.recordings.map((recording) => {
        const runs = recording.runs.flatMap(([first, end]) =>
          Array.from(
            { length: Math.ceil((end - first) / every) },
            (_, i) => [first + i * every, first + i * every + 1] as const,
          ),
        );
        return { ...recording, runs, used: runs.length };
      });
      return { ...channel, recordings, windows: recordings.reduce((total, { used }) => total + used, 0) };
    }),
  };
}
