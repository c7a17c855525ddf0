export { locate, watch, type DirectoryWatch, type LocateResult, type WatchOptions } from './directory.ts';
export { RendezvousClient, type Progress, type RendezvousClientOptions, type ServerPresence } from './client.ts';
export { RendezvousError, type RendezvousErrorCode } from './error.ts';
export { makeOfferText, readAnswerText, type OfferText, type OfferTextOptions } from './manual.ts';
export { patientSleep, startTicker, stayAwake, type Ticker } from './patience.ts';
export { type Answer, type Offer, type Presence } from './record.ts';
