/**
 * Counts what .ci/run has run: `node scripts/ci-summary.mjs REPORTS DECISIONS`.
 *
 * REPORTS holds for each suite `<suite>.exit`, the exit code of its command, and `<suite>.json` from
 * scripts/ci-reporter.ts, which is missing where Vitest was not reached. Counted as failed, beside failed tests: an
 * error outside a test, a suite that ends badly without one, a skip that DECISIONS does not list under the heading
 * "Skips" (a bullet's first `backticked` text, found anywhere in "file > name [skipped: reason]"; `*` is any text),
 * and TensorFlow in JavaScript. The last line is "N passed, N failed, N skipped"; the exit code is 0 if none failed.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { probeTensorFlow } from './setup/tensorflow.mjs';

/** @typedef {{ file: string, name: string, state: string, reason?: string }} Test */

const [reports, decisions] = process.argv.slice(2);
if (reports === undefined || decisions === undefined) {
  console.error('usage: node scripts/ci-summary.mjs REPORTS DECISIONS');
  process.exit(2);
}

const listed = listedSkips(decisions);
const count = { passed: 0, failed: 0, skipped: 0 };

for (const suite of suitesIn(reports)) countSuite(suite);
if (count.passed === 0) fail('no test has passed');
await checkBackend();
console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
process.exitCode = count.failed > 0 ? 1 : 0;

/** @param {string} folder */
function suitesIn(folder) {
  const names = readdirSync(folder).filter((name) => name.endsWith('.exit'));
  return names.map((name) => name.slice(0, -'.exit'.length)).sort();
}

/** @param {string} suite */
function countSuite(suite) {
  const exitCode = Number(readFileSync(join(reports, `${suite}.exit`), 'utf8'));
  const file = join(reports, `${suite}.json`);
  if (!existsSync(file)) {
    fail(`${suite} ended with code ${exitCode} before its tests were done`);
    return;
  }
  /** @type {{ tests: Test[], errors: string[] }} */
  const report = JSON.parse(readFileSync(file, 'utf8'));
  const failedBefore = count.failed;
  for (const error of report.errors) fail(error);
  for (const test of report.tests) {
    if (test.state === 'passed') count.passed += 1;
    else if (test.state === 'skipped') countSkip(test);
    else fail(`${test.file} > ${test.name}`);
  }
  if (exitCode !== 0 && count.failed === failedBefore) fail(`${suite} ended with code ${exitCode}`);
}

/** @param {Test} test */
function countSkip(test) {
  const line = `${test.file} > ${test.name.replace(/\s*\[skipped: .+?\]/, '')} [skipped: ${test.reason ?? 'no reason given'}]`;
  if (listed.some((pattern) => pattern.test(line))) {
    count.skipped += 1;
    console.log(`skipped: ${line}`);
  } else {
    fail(`${line} is not listed under "Skips" in ${decisions}`);
  }
}

/** @param {string} what */
function fail(what) {
  count.failed += 1;
  console.log(`failed: ${what}`);
}

/** @param {string} file @returns {RegExp[]} */
function listedSkips(file) {
  if (!existsSync(file)) return [];
  const section = /^#+ Skips\n([\s\S]*?)(?=^#|(?![\s\S]))/m.exec(readFileSync(file, 'utf8'))?.[1] ?? '';
  return [...section.matchAll(/^[-*] [^`\n]*`([^`\n]+)`/gm)].map(
    ([, pattern]) => new RegExp(pattern.split('*').map(literally).join('.*')),
  );
}

/** Older Nodes lack RegExp.escape. @param {string} text */
function literally(text) {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

async function checkBackend() {
  const probe = await probeTensorFlow();
  if ('version' in probe) console.log(`TensorFlow backend: native (TensorFlow ${probe.version})`);
  else fail(`TensorFlow backend: JavaScript (${probe.problem})`);
}
