import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Answer, textAnswer } from '../http/answer.ts';
import type { ApiRequest, Route } from '../http/router.ts';

/** What `npm run build` makes of `src/dashboard`: beside us as built, and as source under the checkout's `dist/`. */
const folder = new URL(
  import.meta.url.endsWith('.ts') ? '../../../dist/dashboard/' : '../../dashboard/',
  import.meta.url,
);

const files: Readonly<Record<string, readonly [file: string, type: string]>> = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/dashboard.js': ['dashboard.js', 'text/javascript; charset=utf-8'],
  '/dashboard.css': ['dashboard.css', 'text/css; charset=utf-8'],
  '/client.js': ['client.js', 'text/javascript; charset=utf-8'],
  '/favicon.svg': ['favicon.svg', 'image/svg+xml'],
  '/favicon.ico': ['favicon.svg', 'image/svg+xml'],
};

/** All comes from here, and nothing from within the page: neither scripts nor styles nor handlers. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The dashboard, for anybody: what it shows comes over `/v1` and needs a token where tokens are asked for. */
export function dashboardRoutes(): Route[] {
  const known = new Map<string, Answer>();
  function answerTo(path: string, { request }: ApiRequest): Answer {
    let answer = known.get(path);
    if (!answer) {
      const [file, type] = files[path]!;
      answer = fileAnswer(file, type);
      known.set(path, answer);
    }
    const fresh = request.headers['if-none-match'] === answer.headers!.etag;
    return fresh ? { ...answer, status: 304, body: '' } : answer;
  }
  return Object.keys(files).map((path) => ({
    path,
    open: true,
    methods: { GET: (asked: ApiRequest) => answerTo(path, asked) },
  }));
}

function fileAnswer(file: string, type: string): Answer {
  const text = readFileSync(fileURLToPath(new URL(file, folder)), 'utf8');
  const etag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`;
  return {
    ...textAnswer(text, type),
    headers: {
      etag,
      'cache-control': 'no-cache',
      'content-security-policy': policy,
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
    },
  };
}
