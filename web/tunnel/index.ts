export { channelCount, channelLabel, createTunnelChannels, fromDataChannel, type MessageChannel } from './channel.ts';
export { TunnelError, type CodeName, type TunnelErrorCode } from './error.ts';
export {
  TunnelClient,
  type FetchOptions,
  type TunnelClientOptions,
  type TunnelRequest,
  type TunnelResponse,
  type TunnelStats,
} from './client.ts';
