/** Where a model came from and how good it is: the `firtrend.*` entries of the file's metadata. */
import { z } from 'zod';
import { families } from '../dsp/families.ts';
import { maxTaps } from '../dsp/kernel.ts';
import { must } from './must.ts';

const prefix = 'firtrend.';

/** More channels than this no stream has. */
export const maxChannels = 1024;

/** Losses as ratios to that of the newest sample alone; null where one could not be had. */
const losses = z
  .object({
    learned: z.number(),
    ema: z.number().nullable(),
    sma: z.number().nullable(),
    ramp: z.number().nullable(),
    newest: z.number().nullable(),
    free: z.number().nullable(),
  })
  .partial();

const certificate = z.object({ gap: z.number(), relative: z.number().nullable() });

const metadataSchema = z
  .object({
    family: z.enum(families),
    /** `forecast:H`, `smooth:PERIOD` or `column:…`, as it was given to `train`. */
    target: z.string().max(4096),
    /** `mse`, `huber:D` or `quantile:q`. */
    loss: z.string().max(64),
    losses: z.object({ train: losses, heldOut: losses.nullable() }),
    certificate,
    /** One for each channel where the kernels are per channel. */
    certificates: z.array(certificate).max(maxChannels),
    /** SHA-256 of the recordings, hexadecimal. */
    dataSha256: z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits'),
    seed: z.int(),
    /** The program that trained it, with its version. */
    tool: z.string().max(256),
    /** When it was trained, ISO 8601. */
    time: z.iso.datetime({ offset: true }),
    /** Of the `ramp` family 1/α (samples). */
    timeConstant: z.number(),
  })
  .partial();

/** All of it optional: the weights alone can be served. */
export type Metadata = Readonly<z.infer<typeof metadataSchema>>;

const channelNames = z
  .array(z.string().regex(/^\P{Cc}{1,128}$/u, 'expected 1 to 128 characters, none of control'))
  .min(1)
  .max(maxChannels)
  .refine((names) => new Set(names).size === names.length, 'expected distinct names');

/** What else the file says: it binds the kernel to a rate and to channels, and is held against the weights. */
const fileSchema = metadataSchema.extend({
  taps: z.int().min(1).max(maxTaps).optional(),
  rate: z.number().positive().optional(),
  channels: channelNames.optional(),
});

type FileMetadata = z.infer<typeof fileSchema>;

/** Entries whose value is text as it is; every other is JSON. */
const plainText: ReadonlySet<string> = new Set(['family', 'target', 'loss', 'dataSha256', 'tool', 'time']);

/** The entries of a file; `guarantees` are for readers of the file, never read back. */
export function encodeMetadata(values: FileMetadata & { guarantees: object }): Map<string, string> {
  const { guarantees, ...rest } = values;
  const entries = Object.entries({ ...checked(rest), guarantees }).filter(([, value]) => value !== undefined);
  return new Map(
    entries.map(([key, value]) => [prefix + key, typeof value === 'string' ? value : JSON.stringify(value)]),
  );
}

/**
 * The `firtrend.*` entries, validated. Keys that this version does not know are left alone, as are other tools' keys.
 * @throws FirtrendError `modelRefused`
 */
export function decodeMetadata(entries: readonly { key: string; value: string }[]): FileMetadata {
  const ours = entries.filter(({ key }) => key.startsWith(prefix));
  const keys = ours.map(({ key }) => key);
  must(new Set(keys).size === keys.length, 'metadata', 'every firtrend key once', keys);
  const known = ours.filter(({ key }) => Object.hasOwn(fileSchema.shape, key.slice(prefix.length)));
  return checked(
    Object.fromEntries(known.map(({ key, value }) => [key.slice(prefix.length), decoded(key, value)])),
  );
}

function decoded(key: string, value: string): unknown {
  if (plainText.has(key.slice(prefix.length))) return value;
  try {
    return JSON.parse(value);
  } catch {
    must(false, `metadata ${key}`, 'JSON', value);
  }
}

function checked(values: object): FileMetadata {
  const result = fileSchema.safeParse(values);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const key = issue?.path.join('.') ?? '';
  const value: unknown = issue?.path.reduce<unknown>((at, step) => Object(at)[step], values);
  must(false, `metadata ${prefix}${key}`, `a valid value (${issue?.message})`, JSON.stringify(value));
}
