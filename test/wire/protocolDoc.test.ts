import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { beforeAll, describe, expect, it } from 'vitest';
import { defaultLimits, type Limits } from '../../src/daemon/limits.ts';
import { binaryClientCodec } from '../../src/wire/binaryClientCodec.ts';
import { frameFlags } from '../../src/wire/binaryHead.ts';
import { controlSchemas, type SamplesMessage, samplesHeadSchema } from '../../src/wire/clientMessages.ts';
import { closeCodes } from '../../src/wire/closeCodes.ts';
import { errorCodes } from '../../src/wire/errorCodes.ts';
import { jsonClientCodec } from '../../src/wire/jsonClientCodec.ts';
import type { TrendFrame } from '../../src/wire/serverMessages.ts';
import { serverCodecs, trendMessage } from '../support/codecs.ts';
import { planesOf } from '../support/planes.ts';

const jsonServerCodec = serverCodecs['firtrend.v1.json'];

const doc = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8');
const messagesFile = new URL('../../src/wire/serverMessages.ts', import.meta.url).pathname;

function examples(side: 'client' | 'daemon'): string[] {
  return [...doc.matchAll(new RegExp(`^\`\`\`json ${side}\n(.*?)^\`\`\``, 'gms'))].map((match) => match[1]!);
}

/** The text from the heading of a message to the next heading. */
function section(side: 'client' | 'daemon', type: string): string {
  const half = doc.split('## Messages of the daemon')[side === 'client' ? 0 : 1]!;
  const found = new RegExp(`^### \`${type}\`.*?(?=^##|(?![^]))`, 'ms').exec(
    half.slice(half.indexOf('\n### ')),
  );
  expect(found, `a section of ${type} from the ${side}`).not.toBeNull();
  return found![0];
}

function rowsOf(heading: string): string[] {
  const table = doc.slice(doc.indexOf(`\n## ${heading}\n`)).split('\n## ')[1]!;
  return [...table.matchAll(/^\| (?:\d+ \| )?`(\w+)` \|/gm)].map((match) => match[1]!);
}

describe('docs/protocol.md, client messages', () => {
  it.each(examples('client'))('%s is what the schemas take', (text) => {
    expect(jsonServerCodec.parseClientMessage(text)).toHaveProperty('type');
  });

  const schemas = { ...controlSchemas, samples: samplesHeadSchema };
  it.each(Object.entries(schemas))('%s: an example, and all of its fields', (type, schema) => {
    const text = section('client', type);
    expect(examples('client').some((example) => JSON.parse(example).type === type)).toBe(true);
    for (const [field, part] of Object.entries(schema.shape)) {
      if (field === 'type') continue;
      const optional = part.safeParse(undefined).success;
      expect(text).toContain(`| \`${field}\`${optional ? '?' : ''} |`);
    }
  });
});

describe('docs/protocol.md, messages of the daemon', () => {
  let program: ts.Program;
  const examplesFile = `${messagesFile}.examples.ts`;

  beforeAll(() => {
    // Every example as a constant of its type: the compiler finds fields that are missing, wrong or not there.
    const control = examples('daemon').filter((text) => JSON.parse(text).type !== 'trend');
    const source = [
      `import type { ServerControl } from './serverMessages.ts';`,
      ...control.map((text, i) => `export const example${i}: ServerControl = ${text};`),
    ].join('\n');
    const options: ts.CompilerOptions = {
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
      allowImportingTsExtensions: true,
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.ESNext,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      types: [],
      skipLibCheck: true,
    };
    const host = ts.createCompilerHost(options);
    const { readFile, fileExists } = host;
    host.readFile = (name) => (name === examplesFile ? source : readFile(name));
    host.fileExists = (name) => name === examplesFile || fileExists(name);
    host.getSourceFile = (name, version) => {
      const text = host.readFile(name);
      return text === undefined ? undefined : ts.createSourceFile(name, text, version, true);
    };
    program = ts.createProgram([examplesFile, messagesFile], options, host);
  });

  it('control examples are of their types', () => {
    const found = ts.getPreEmitDiagnostics(program);
    const texts = found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
    expect(texts).toEqual([]);
  });

  it('trend examples survive decoding and encoding', () => {
    const trends = examples('daemon').filter((text) => JSON.parse(text).type === 'trend');
    expect(trends.length).toBeGreaterThan(1);
    for (const text of trends) {
      const {
        slot,
        replay = false,
        afterGap = false,
        ...rows
      } = jsonClientCodec.decodeServerMessage(text) as TrendFrame;
      const again = trendMessage(jsonServerCodec, slot, rows, { replay, afterGap });
      expect(JSON.parse(again as string)).toEqual(JSON.parse(text));
    }
  });

  it('every message has a section, an example, and all of its fields', () => {
    const checker = program.getTypeChecker();
    const file = program.getSourceFile(messagesFile)!;
    const union = checker
      .getExportsOfModule(checker.getSymbolAtLocation(file)!)
      .find(({ name }) => name === 'ServerMessage')!;
    const members = (checker.getDeclaredTypeOfSymbol(union) as ts.UnionType).types;
    expect(members.length).toBeGreaterThan(15);
    const shown = new Set(examples('daemon').map((text) => JSON.parse(text).type as string));
    for (const member of members) {
      const typeOf = (name: string) => checker.getTypeOfSymbol(member.getProperty(name)!);
      const type = (typeOf('type') as ts.StringLiteralType).value;
      expect([...shown]).toContain(type);
      const text = section('daemon', type);
      for (const { name } of member.getProperties()) {
        if (name !== 'type')
          expect(text, `${type}.${name}`).toMatch(new RegExp(`^\\|[^|]*\`${name}\`.*\\|`, 'm'));
      }
    }
  });
});

describe('docs/protocol.md, binary frames', () => {
  function hex(kind: 'samples' | 'trend'): Buffer {
    const [, text] = new RegExp(`^\`\`\`hex ${kind}\n(.*?)^\`\`\``, 'ms').exec(doc)!;
    return Buffer.from(text!.replace(/\s/g, ''), 'hex');
  }

  it('the frame of samples is what the sentence above it says', () => {
    const message = serverCodecs['firtrend.v1.bin'].parseClientMessage(hex('samples')) as SamplesMessage;
    expect(message).toMatchObject({
      slot: 3,
      seq: 640,
      rows: 2,
      channels: 2,
      time: undefined,
      period: undefined,
    });
    expect([...planesOf(message)]).toEqual([1, 2, 3, Number.NaN]);
    const planes = planesOf(message);
    const ours = binaryClientCodec.encodeSamples({ slot: 3, seq: 640, rows: 2, planes });
    expect(Buffer.compare(ours as Uint8Array, hex('samples'))).toBe(0);
  });

  it('so is the frame of trends', () => {
    const { slot, type, afterGap, ...rows } = binaryClientCodec.decodeServerMessage(
      hex('trend'),
    ) as TrendFrame;
    expect({ slot, type, afterGap, ...rows }).toEqual({
      type: 'trend',
      slot: 0,
      seq: 640,
      rows: 2,
      channels: 2,
      time: 1.7e12,
      period: 10,
      afterGap: true,
      trend: Float32Array.of(1, 1.5, 3, 3),
      coverage: Float32Array.of(0.5, 1, 0.5, 0.5),
    });
    const again = trendMessage(serverCodecs['firtrend.v1.bin'], slot, rows, { afterGap: true });
    expect(Buffer.compare(again as Uint8Array, hex('trend'))).toBe(0);
  });

  it('its flags are those of the code', () => {
    const rows = [...doc.matchAll(/^\| (\d+) \| .*?`(\w+)` \|$/gm)].map(([, bit, name]) => [
      name,
      Number(bit),
    ]);
    expect(Object.fromEntries(rows)).toMatchObject(frameFlags);
  });
});

describe('docs/protocol.md, tables', () => {
  it('has the default of every limit of the daemon', () => {
    const table = doc.slice(doc.indexOf('\n## Limits\n'));
    const shown = { connections: '10,000', subscriptionsPerConnection: '1,000', streams: '100,000' };
    const more = { streamsPerConnection: '16,384', channels: '1,024', rows: '65,536', messageBytes: '1 MiB' };
    const sizes = {
      controlBytes: '64 KiB',
      jsonDepth: '8',
      messagesPerSecond: '250,000',
      controlPerSecond: '10,000',
    };
    const times = {
      rateGraceMs: '10 s',
      authTimeoutMs: '15 s',
      windowBytes: '1 MiB',
      outboundBytes: '1 MiB',
    };
    // Those of REST are in docs/configuration.md, which another test holds to the schema.
    const texts: Record<Exclude<keyof Limits, 'historiesAtOnce' | 'uploadsAtOnce'>, string> = {
      ...shown,
      ...more,
      ...sizes,
      ...times,
      controlBacklogBytes: '4 MiB',
    };
    const units: Record<string, number> = { MiB: 2 ** 20, KiB: 2 ** 10, s: 1000 };
    for (const [name, text] of Object.entries(texts)) {
      const [number, unit = ''] = text.replaceAll(',', '').split(' ');
      expect(Number(number) * (units[unit] ?? 1), name).toBe(defaultLimits[name as keyof Limits]);
      expect(table).toContain(text);
    }
  });

  it('has every error code and no other', () => {
    expect(rowsOf('Errors')).toEqual([...errorCodes]);
  });

  it('has every close code and no other', () => {
    expect(rowsOf('Close codes')).toEqual(Object.keys(closeCodes));
    for (const [name, code] of Object.entries(closeCodes)) expect(doc).toContain(`| ${code} | \`${name}\` |`);
  });

  it('links only to what is there', () => {
    const headings = [...doc.matchAll(/^## (.*)$/gm)].map(([, text]) =>
      text!.toLowerCase().replaceAll(' ', '-'),
    );
    for (const [, anchor] of doc.matchAll(/\]\(#([^)]*)\)/g)) expect(headings).toContain(anchor);
  });
});
