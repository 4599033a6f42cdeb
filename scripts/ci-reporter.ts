/**
 * Writes what .ci/run counts to the file named by CI_REPORT. Vitest's own JSON report lacks the reasons of skips.
 *
 * A test says why it is skipped in one of two ways, and docs/decisions.md lists every reason under "Skips":
 *  - its title, or that of a describe around it, ends with `[skipped: reason]`, where the condition is known when
 *    the file is read: `describe.skipIf(!python)(`onnx ${python ? '' : `[skipped: ${whyNoPython()}]`}`, …)`;
 *  - `ctx.skip('reason')`, where it is known only once the test runs.
 */
import { writeFileSync } from 'node:fs';
import type { Reporter, TestCase, TestModule } from 'vitest/node';

/** `reason` is there where a test was skipped and says why. */
interface ReportedTest {
  file: string;
  name: string;
  state: 'passed' | 'failed' | 'skipped' | 'pending';
  reason?: string;
}

function reported(test: TestCase): ReportedTest {
  const result = test.result();
  const entry = { file: test.module.relativeModuleId, name: test.fullName, state: result.state };
  if (result.state !== 'skipped') return entry;
  const reason = result.note ?? /\[skipped: (.+?)\]/.exec(test.fullName)?.[1];
  return reason === undefined ? entry : { ...entry, reason };
}

/** What went wrong outside tests: while a file was read, or in the hooks of a describe. */
function errorsOutsideTests(module: TestModule): string[] {
  const broken = [module, ...module.children.allSuites()].flatMap((suite) => suite.errors());
  return broken.map((error) => `${module.relativeModuleId}: ${error.message}`);
}

// biome-ignore lint/style/noDefaultExport: the form in which Vitest takes a reporter.
export default class CiReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly { message: string }[]): void {
    const file = process.env.CI_REPORT;
    if (file === undefined) throw new Error('CI_REPORT names no file');
    const tests = modules.flatMap((module) => [...module.children.allTests()].map(reported));
    const errors = [...modules.flatMap(errorsOutsideTests), ...unhandled.map((error) => error.message)];
    writeFileSync(file, JSON.stringify({ tests, errors }));
  }
}
