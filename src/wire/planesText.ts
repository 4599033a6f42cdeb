import { float32Text } from './float32Text.ts';

/** `[[…] per channel]` of planes `[channel][row]`. */
export function planesText(planes: Float32Array, rows: number): string {
  let text = '[';
  for (let start = 0; start < planes.length; start += rows) {
    text += start === 0 ? '[' : ',[';
    for (let i = start; i < start + rows; i++) {
      if (i > start) text += ',';
      text += float32Text(planes[i]!);
    }
    text += ']';
  }
  return `${text}]`;
}
