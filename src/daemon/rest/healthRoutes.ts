import { HttpError, jsonAnswer, textAnswer } from '../http/answer.ts';
import type { Route } from '../http/router.ts';
import type { Metrics } from '../metrics/metrics.ts';

export interface HealthPorts {
  readonly ready: () => boolean;
  /** What `/readyz` tells those who may know. */
  readonly status: () => object;
  readonly metrics: Pick<Metrics, 'contentType' | 'text'>;
  readonly metricsWithoutToken: () => boolean;
}

/** For whoever watches the daemon. Where tokens are asked for, anybody hears only whether it lives and is ready. */
export function healthRoutes({ ready, status, metrics, metricsWithoutToken }: HealthPorts): Route[] {
  return [
    { path: '/livez', open: true, methods: { GET: () => textAnswer('ok\n') } },
    {
      path: '/readyz',
      open: true,
      methods: {
        GET: ({ anonymous }) =>
          jsonAnswer({ ready: ready(), ...(!anonymous && status()) }, ready() ? 200 : 503),
      },
    },
    {
      path: '/metrics',
      open: true,
      methods: {
        async GET({ anonymous }) {
          if (anonymous && !metricsWithoutToken()) {
            throw new HttpError(401, 'unauthorised', 'token: expected one (of any scope), got none');
          }
          return textAnswer(await metrics.text(), metrics.contentType);
        },
      },
    },
  ];
}
