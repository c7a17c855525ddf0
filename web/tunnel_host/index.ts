export { CurrentTunnel } from './current.ts';
export { TunnelHost, type TunnelHostOptions } from './host.ts';
