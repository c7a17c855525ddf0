// What a browser test finds in its page: the libraries, and a far end for them in the same page.
import { Peer } from '../peer/index.ts';
import * as rendezvous from '../rendezvous/index.ts';
import { createTunnelChannels, fromDataChannel } from '../tunnel/index.ts';
import { isHostWorker, runHostWorker, TunnelHost } from '../tunnel_host/index.ts';
import { MiniServer } from '../tunnel/testing/mini_server.ts';

/** Answers an offer in this page; its server gives n bytes for /bytes?n and the size of the body for anything else. */
async function answerHere(offer: string): Promise<{ sdp: string; close: () => void }> {
  const connection = new RTCPeerConnection();
  const server = new MiniServer(createTunnelChannels(connection).map(fromDataChannel), (head, bodySize) => {
    const size = /^\/bytes\?(\d+)$/.exec(head.target)?.[1];
    const body = size === undefined ? new TextEncoder().encode(String(bodySize)) : new Uint8Array(Number(size)).fill(7);
    return { status: 200, body };
  });
  await connection.setRemoteDescription({ type: 'offer', sdp: offer });
  await connection.setLocalDescription(await connection.createAnswer());
  while (connection.iceGatheringState !== 'complete')
    await new Promise(resolve => connection.addEventListener('icegatheringstatechange', resolve, { once: true }));
  const close = () => connection.close();
  return { sdp: connection.localDescription?.sdp ?? '', close: Object.assign(close, { server }) };
}

const dropped = new Promise<FileSystemHandle | null>(resolve => {
  addEventListener('dragover', event => event.preventDefault());
  addEventListener('drop', event => {
    event.preventDefault();
    const [item] = event.dataTransfer?.items ?? [];
    void item?.getAsFileSystemHandle?.().then(resolve);
  });
});

export const libraries = { ...rendezvous, Peer, TunnelHost, answerHere, dropped };
export type Libraries = typeof libraries;

if (isHostWorker) runHostWorker();
else Object.assign(globalThis, { libraries });
