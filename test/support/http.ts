/** Where a daemon's REST is, from the address of its WebSocket. */
export function httpOf(url: string): string {
  return url.replace(/^ws/, 'http').replace(/\/v1$/, '');
}

export interface HttpReply {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look at any field of any answer
  readonly json: any;
  readonly text: string;
}

/** One request; what looks like JSON is parsed. */
export async function http(
  url: string,
  path: string,
  init: RequestInit & { readonly body?: string; readonly token?: string } = {},
): Promise<HttpReply> {
  const { token, ...rest } = init;
  const response = await fetch(httpOf(url) + path, {
    ...rest,
    headers: {
      ...(init.body !== undefined && { 'content-type': 'application/json' }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...init.headers,
    },
  });
  const text = await response.text();
  const json = /^application\/json/.test(response.headers.get('content-type') ?? '') && text !== '';
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: json ? JSON.parse(text) : undefined,
  };
}

/** POST with a JSON body. */
export function post(url: string, path: string, body: object, token?: string): Promise<HttpReply> {
  return http(url, path, {
    method: 'POST',
    body: JSON.stringify(body),
    ...(token !== undefined && { token }),
  });
}
