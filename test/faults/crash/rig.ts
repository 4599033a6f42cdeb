import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { type ServeProcess, serveProcess } from '../../support/command.ts';
import { http } from '../../support/http.ts';
import { pythonPath } from '../../support/python.ts';

/* The programs of the rig are Python and know the daemon by docs/protocol.md alone; here they are started and told. */

const here = import.meta.dirname;

/** A program of the rig: it says what it has to say in lines of JSON, and is told in such lines. */
interface Program {
  tell(command: object): void;
  /** How often it has said that it is connected and has what it asked for. */
  ups(): number;
  /** The last limit at which all that was sent was acknowledged. */
  at(): number | undefined;
  readonly ended: Promise<void>;
}

function program(script: string, ...args: string[]): Program {
  const child: ChildProcess = spawn(pythonPath()!, [join(here, script), ...args]);
  onTestFinished(() => void child.kill('SIGKILL'));
  const said = { ups: 0, at: undefined as number | undefined, rest: '', errors: '', ended: false };
  child.stdout!.on('data', (chunk: Buffer) => {
    const lines = (said.rest + chunk.toString()).split('\n');
    said.rest = lines.pop()!;
    for (const line of lines) {
      const { up, at, ended } = JSON.parse(line) as { up?: true; at?: number; ended?: true };
      if (up) said.ups++;
      if (at !== undefined) said.at = at;
      if (ended) said.ended = true;
    }
  });
  child.stderr!.on('data', (chunk: Buffer) => {
    said.errors += chunk.toString();
  });
  const ended = new Promise<void>((resolve, reject) => {
    child.once('close', (code) => {
      if (code === 0 && said.ended) resolve();
      else reject(new Error(`${script} ended with ${code}: ${said.errors}`));
    });
  });
  // Whoever waits for it has the error.
  ended.catch(() => undefined);
  return {
    tell: (command) => void child.stdin!.write(`${JSON.stringify(command)}\n`),
    ups: () => said.ups,
    at: () => said.at,
    ended,
  };
}

/** What the checker has found. */
export interface Verdict {
  readonly wrong: readonly string[];
  readonly rows: number;
  readonly acknowledged: number;
  readonly gaps: number;
  readonly compared: number;
  readonly kernels: number;
  /** Ends of a connection with and without samples that were sent and not acknowledged. */
  readonly cuts: { readonly with: number; readonly without: number };
}

export interface RigOptions {
  readonly folder: string;
  readonly seed: number;
  /** Of `firtrend serve`, the log apart. */
  readonly serve: readonly string[];
  /** The entry point of the daemon; the built one by default. */
  readonly main?: string;
  /** Where the log of the daemon that is killed lies. */
  readonly log: string;
}

export interface Rig {
  /** Lets the daemon run for a random time with both clients at work, kills it and starts it again. */
  kill(): Promise<void>;
  /** Holds the producer, puts another version in force by `promote`, and lets it go on. */
  swap(version: number, promote: () => Promise<unknown>): Promise<void>;
  /** Lets both clients come to an end, and reads the past as a third one. */
  finish(): Promise<void>;
  /** Feeds a daemon that is never killed what was held in the end, with the same swaps. */
  undisturbed(serve: readonly string[], promote: (swap: number) => Promise<unknown>): Promise<void>;
  check(): Promise<Verdict>;
  /** What the two clients have found wrong so far, each for itself. */
  complaints(): Promise<{ readonly producer: readonly string[]; readonly subscriber: readonly string[] }>;
}

const farAway = 2 ** 40;

export async function rig({ folder, seed, serve, main, log }: RigOptions): Promise<Rig> {
  for (const name of ['live', 'past', 'undisturbed']) await mkdir(join(folder, name));
  const ledger = join(folder, 'ledger.json');
  const start = (place: string, port = 0): Promise<ServeProcess> =>
    serveProcess([...serve, '--log', place, '--port', String(port)], main === undefined ? {} : { main });
  let daemon = await start(log);
  const { url } = daemon;
  const port = Number(new URL(url).port);
  const producer = program('producer.py', url, ledger, String(seed));
  const subscriber = program('subscriber.py', url, join(folder, 'live'));
  producer.tell({ limit: farAway });
  const holds: number[] = [];
  let lives = 1;
  let end = 0;
  let whole = false;

  async function until(what: string, fits: () => boolean | Promise<boolean>, seconds = 30): Promise<void> {
    const deadline = Date.now() + seconds * 1000;
    for (;;) {
      const alive = await Promise.race([
        producer.ended.then(() => 'the producer has ended'),
        subscriber.ended.then(() => 'the subscriber has ended'),
        setTimeout(5, 'alive'),
      ]);
      if (await fits()) return;
      if (alive !== 'alive') throw new Error(`${what}: ${alive}`);
      if (Date.now() > deadline) throw new Error(`${what}: not within ${seconds} s`);
    }
  }

  const bothUp = (): Promise<void> =>
    until('both clients at work', () => producer.ups() >= lives && subscriber.ups() >= lives);

  /** @returns the seq at which all streams stand, all of it acknowledged */
  async function hold(): Promise<number> {
    const before = producer.at();
    producer.tell({ hold: true });
    await until('all is acknowledged', () => producer.at() !== before);
    return producer.at()!;
  }

  async function inForce(version: number): Promise<boolean> {
    const told = await http(url, '/v1/streams');
    return told.json.streams.every((stream: { version: number }) => stream.version === version);
  }

  return {
    async kill() {
      await bothUp();
      await setTimeout(20 + Math.random() * 200);
      daemon.kill('SIGKILL');
      await daemon.ended;
      daemon = await start(log, port);
      lives++;
    },

    async swap(version, promote) {
      await bothUp();
      holds.push(await hold());
      await promote();
      await until(`version ${version}`, () => inForce(version));
      producer.tell({ limit: farAway });
    },

    async finish() {
      await bothUp();
      end = await hold();
      subscriber.tell({ end });
      await subscriber.ended;
      const past = program('subscriber.py', url, join(folder, 'past'), 'oldest', String(end));
      await past.ended;
      producer.tell({ end: true });
      await producer.ended;
      await daemon.stop();
    },

    async undisturbed(serving, promote) {
      const another = await serveProcess(serving);
      const steady = program('subscriber.py', another.url, join(folder, 'undisturbed'));
      const again = program('producer.py', another.url, '-', String(seed + 1), ledger);
      for (const [i, seq] of [...holds, end].entries()) {
        again.tell({ limit: seq });
        while (again.at() !== seq) await Promise.race([setTimeout(5), steady.ended, again.ended]);
        if (i === holds.length) break;
        await promote(i);
        const version = i + 2;
        for (;;) {
          const { json } = await http(another.url, '/v1/streams');
          if (json.streams.every((stream: { version: number }) => stream.version === version)) break;
          await setTimeout(10);
        }
      }
      steady.tell({ end });
      await steady.ended;
      again.tell({ end: true });
      await again.ended;
      await another.stop();
      whole = true;
    },

    async complaints() {
      const [producerSays, subscriberSays] = await Promise.all(
        [ledger, join(folder, 'live/told.json')].map(async (file) => {
          const found = await readFile(file, 'utf8').catch(() => '{"wrong":[]}');
          return (JSON.parse(found) as { wrong: string[] }).wrong;
        }),
      );
      return { producer: producerSays!, subscriber: subscriberSays! };
    },

    async check() {
      const checker = spawn(pythonPath()!, [
        join(here, 'checker.py'),
        ledger,
        ...['live', 'past'].map((name) => join(folder, name)),
        whole ? join(folder, 'undisturbed') : '-',
      ]);
      const [out, errors] = await Promise.all([text(checker.stdout), text(checker.stderr)]);
      if (out === '') throw new Error(`checker.py: ${errors}`);
      return JSON.parse(out) as Verdict;
    },
  };
}
