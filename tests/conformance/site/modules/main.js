import { a, sharedOfA } from './a.js';
import b, { sharedOfB } from '../modules/b.js';

globalThis.conformanceModule = { a: a(), b: b(), same: sharedOfA === sharedOfB };
