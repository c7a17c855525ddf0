import { tunnelLabel, tunnelLimits } from '../generated/protocol.ts';
import type { Bytes } from '../base/bytes.ts';

/** An ordered, reliable channel of messages: what the tunnel needs of a data channel, so that it is tested without one. */
export interface MessageChannel {
  readonly id: number;
  readonly open: boolean;
  readonly bufferedAmount: number;
  bufferedAmountLowThreshold: number;
  /** The bytes may be reused by the caller when this returns. Throws when the channel is not open or its buffer is full. */
  send(data: Uint8Array): void;
  close(): void;
  onopen: (() => void) | null;
  /** The bytes belong to the receiver. */
  onmessage: ((data: Bytes) => void) | null;
  onbufferedamountlow: (() => void) | null;
  onclose: (() => void) | null;
}

export const channelLabel: string = tunnelLabel;
export const channelCount: number = tunnelLimits.channels;

class DataChannel implements MessageChannel {
  readonly #channel: RTCDataChannel;
  onopen: (() => void) | null = null;
  onmessage: ((data: Bytes) => void) | null = null;
  onbufferedamountlow: (() => void) | null = null;
  onclose: (() => void) | null = null;

  constructor(channel: RTCDataChannel) {
    this.#channel = channel;
    channel.binaryType = 'arraybuffer';
    channel.onopen = () => this.onopen?.();
    channel.onclose = () => this.onclose?.();
    channel.onbufferedamountlow = () => this.onbufferedamountlow?.();
    channel.onmessage = event => {
      // A text message is no frame: an empty one makes the connection fail as the protocol says.
      const data: unknown = event.data;
      this.onmessage?.(data instanceof ArrayBuffer ? new Uint8Array(data) : new Uint8Array());
    };
  }

  get id(): number {
    return this.#channel.id ?? -1;
  }
  get open(): boolean {
    return this.#channel.readyState === 'open';
  }
  get bufferedAmount(): number {
    return this.#channel.bufferedAmount;
  }
  get bufferedAmountLowThreshold(): number {
    return this.#channel.bufferedAmountLowThreshold;
  }
  set bufferedAmountLowThreshold(bytes: number) {
    this.#channel.bufferedAmountLowThreshold = bytes;
  }
  send(data: Uint8Array): void {
    this.#channel.send(data as Bytes);
  }
  close(): void {
    this.#channel.close();
  }
}

/** Takes over the channel's event handlers. */
export function fromDataChannel(channel: RTCDataChannel): MessageChannel {
  return new DataChannel(channel);
}

/** The pre-negotiated channels of the tunnel; before the offer is made. */
export function createTunnelChannels(peer: RTCPeerConnection): RTCDataChannel[] {
  const channels: RTCDataChannel[] = [];
  for (let id = 0; id < channelCount; id++)
    channels.push(peer.createDataChannel(channelLabel, { negotiated: true, id, ordered: true }));
  return channels;
}
