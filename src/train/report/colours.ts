/** What is drawn in which colour: in the light, and in the dark, where the style sheet replaces each by its partner. */
export const colours = {
  text: ['#2b303a', '#d5dae2'],
  axis: ['#767d89', '#868e9b'],
  grid: ['#e4e7eb', '#333a45'],
  raw: ['#8d95a1', '#7c8694'],
  trend: ['#0b63c0', '#5aa9ff'],
  target: ['#c2410c', '#ff9a5c'],
  green: ['#2b7a3b', '#6fce83'],
  purple: ['#6b3fc4', '#b79aff'],
  teal: ['#0f766e', '#4fd1c5'],
  pink: ['#b8256f', '#ff86c0'],
  olive: ['#7a6400', '#dcc24a'],
  black: ['#10141a', '#f4f6f9'],
} as const satisfies Readonly<Record<string, readonly [light: string, dark: string]>>;

export type Colour = keyof typeof colours;

/** Of kernels side by side. */
export const kernelColours = [
  'trend',
  'target',
  'green',
  'purple',
  'teal',
  'pink',
  'olive',
  'raw',
] as const satisfies readonly Colour[];
