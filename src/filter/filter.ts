import type { Frame } from '../dsp/frame.ts';
import { openModel } from './openModel.ts';
import { trend } from './trend.ts';

export type { OpenModel, OpenModelOptions } from './openModel.ts';
export type { TrendFrame } from './trend.ts';
export type { FilterJob, TrendBlock, TrendFilter } from './trendFilter.ts';
// One door for users of the package who filter without a daemon, whose only entry this file is.
export { type Frame, openModel, trend };
