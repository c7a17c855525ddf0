// What goes wrong upstream: resets, lies about lengths, answers that are none.
import { pattern } from '../pattern.mjs';
import { raw, rawWrite } from './common.mjs';

const head = (...fields) => ['HTTP/1.1 200 OK', 'Content-Type: application/octet-stream', 'Cache-Control: no-store', ...fields, '', ''].join('\r\n');
const half = Buffer.from(pattern(1000));
const withHalf = (text) => Buffer.concat([Buffer.from(text, 'latin1'), half]);

export const faults = {
  '/fault/reset': (exchange) => exchange.req.socket.resetAndDestroy?.() ?? exchange.req.socket.destroy(),
  '/fault/close': (exchange) => exchange.req.socket.end(),
  '/fault/garbage': (exchange) => raw(exchange, 'this is no HTTP at all\r\n\r\n'),
  '/fault/short': (exchange) => raw(exchange, withHalf(head('Content-Length: 2000', 'Connection: close'))),
  '/fault/short-reset': (exchange) => raw(exchange, withHalf(head('Content-Length: 2000')), { reset: true }),
  '/fault/chunked-cut': (exchange) => raw(exchange, withHalf(`${head('Transfer-Encoding: chunked', 'Connection: close')}3e8\r\n`)),
  '/fault/chunked-reset': (exchange) => raw(exchange, withHalf(`${head('Transfer-Encoding: chunked')}3e8\r\n`), { reset: true }),
  '/fault/chunk-size': (exchange) => raw(exchange, `${head('Transfer-Encoding: chunked', 'Connection: close')}4\r\ngood\r\nxyz\r\nbad\r\n0\r\n\r\n`),
  '/fault/two-lengths': (exchange) => raw(exchange, `${head('Content-Length: 4', 'Content-Length: 5', 'Connection: close')}12345`),
  '/fault/huge-head': (exchange) => raw(exchange, `${head(`X-Huge: ${'h'.repeat(400_000)}`, 'Content-Length: 0', 'Connection: close')}`),
  '/fault/line-break': (exchange) => raw(exchange, `${head('X-Bad: one\r\ntwo', 'Content-Length: 4', 'Connection: close')}body`),
  /** Half of the body, then a reset when the page has said that it has it. */
  '/fault/reset-after': async (exchange) => {
    await rawWrite(exchange, head('Content-Length: 2000'));
    exchange.req.socket.write(half);
    await exchange.up.gate(exchange.id, 'reset').opened;
    exchange.req.socket.resetAndDestroy?.() ?? exchange.req.socket.destroy();
  },
  /** More than was said: what is too much belongs to nobody. */
  '/fault/too-long': (exchange) => raw(exchange, `${head('Content-Length: 4', 'Connection: close')}bodyTOO MUCH`),
};
