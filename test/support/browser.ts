import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { onTestFinished } from 'vitest';
import { browserPath } from './browserPath.ts';

/** For the title of a test that needs one. */
export const noBrowser: string = browserPath() === undefined ? ' [skipped: no chromium]' : '';

export interface Tab {
  readonly page: Page;
  /** What went wrong in the page: errors of its script, and what its policy has refused. */
  readonly errors: string[];
}

/** A page of a browser of its own, closed when the test is over. Nothing but this machine can be reached from it. */
export async function tab(options: BrowserContextOptions = {}): Promise<Tab> {
  const browser: Browser = await chromium.launch({
    executablePath: browserPath()!,
    args: ['--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1', '--js-flags=--expose-gc'],
  });
  onTestFinished(() => browser.close());
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, ...options });
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.stack ?? error.message));
  page.on('console', (message) => {
    // A socket that cannot be opened is what these tests bring about.
    if (
      message.type() === 'error' &&
      !/WebSocket|ERR_CONNECTION|Failed to load resource/.test(message.text())
    )
      errors.push(message.text());
  });
  return { page, errors };
}
