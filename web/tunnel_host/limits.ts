/** Requests and WebSockets of the page itself that may be open at once; the tunnel lets most of them wait. */
export const sessionsOpen = 12_000;
/** Bytes of a WebSocket's messages that may wait for a caller that does not wait for `send`. */
export const sendQueue: number = 16 * 1024 * 1024;
/** How long a worker has to start. */
export const startMs = 3000;
