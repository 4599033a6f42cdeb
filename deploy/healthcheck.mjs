/**
 * Exit code 0 where the daemon on this machine lives, with TLS or without: `node healthcheck.mjs [PORT]`, else
 * FIRTREND_PORT, else 8420. The certificate is not checked: it is for another name than localhost.
 */
import http from 'node:http';
import https from 'node:https';

const port = process.argv[2] ?? (process.env.FIRTREND_PORT || '8420');
const timeout = 2000;

/** @param {typeof http | typeof https} scheme @returns {Promise<boolean>} */
function lives(scheme) {
  return new Promise((resolve) => {
    const request = scheme.get(
      { host: '127.0.0.1', port, path: '/livez', timeout, rejectUnauthorized: false },
      (answer) => resolve(answer.resume().statusCode === 200),
    );
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
  });
}

process.exitCode = (await lives(http)) || (await lives(https)) ? 0 : 1;
