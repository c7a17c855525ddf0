// The HTTP server on the Unix socket.
import { rmSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import express, { type Request, type Response } from 'express';

const maxHead = 64 * 1024;

function removeStale(socket: string): void {
  try {
    if (statSync(socket).isSocket()) rmSync(socket);
  } catch {
    // Nothing was there, or listening will say what is wrong.
  }
}

/** Listens; only this user can open the socket. */
export async function listen(socket: string, answer: (request: Request, response: Response) => void): Promise<Server> {
  const app = express();
  app.disable('x-powered-by');
  app.use((request, response) => answer(request, response));
  const server = createServer({ maxHeaderSize: maxHead, keepAliveTimeout: 60_000 }, app);
  // Uploads may take as long as they do; the server in front has its own patience.
  server.requestTimeout = 0;
  removeStale(socket);
  const mask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(socket, resolve);
    });
  } finally {
    process.umask(mask);
  }
  return server;
}

/** Lets what is under way finish, for at most `patience` ms. */
export async function close(server: Server, patience: number): Promise<void> {
  await new Promise<void>(resolve => {
    const timer = setTimeout(() => server.closeAllConnections(), patience);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}
