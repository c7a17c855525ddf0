export { locate, watch, type DirectoryWatch, type LocateResult, type WatchOptions } from './directory.ts';
export {
  RendezvousClient,
  type ExchangeOptions,
  type Progress,
  type RendezvousClientOptions,
  type ServerPresence,
} from './client.ts';
export { RendezvousError, type RendezvousErrorCode } from './error.ts';
export { makeOfferText, readAnswerText, type OfferText, type OfferTextOptions } from './manual.ts';
export { patientSleep, patientTimers, startTicker, stayAwake, type Ticker } from './patience.ts';
export { displayName, parseName, type Answer, type Offer, type Presence, type RecordName } from './record.ts';
