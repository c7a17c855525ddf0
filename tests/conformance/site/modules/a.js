import { shared } from './deep/shared.js';

export const sharedOfA = shared;
export const a = () => `a and ${shared.name} ${shared.next()}`;
