export { channelCount, channelLabel, createTunnelChannels, fromDataChannel, type MessageChannel } from './channel.ts';
export { TunnelClient } from './client.ts';
export { TunnelError, type CodeName, type TunnelErrorCode } from './error.ts';
export type { TunnelSocket } from './socket.ts';
export { StreamedResponse, type TunnelResponse } from './response.ts';
export type { FetchOptions, SocketOptions, Tunnel, TunnelClientOptions, TunnelRequest, TunnelStats } from './types.ts';
