export { CurrentTunnel } from './current.ts';
export { TunnelHost, type TunnelHostOptions } from './host.ts';
export { runHostWorker } from './host_worker.ts';
export { isHostWorker } from './program.ts';
