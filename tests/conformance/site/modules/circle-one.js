import { two } from './circle-two.js';

export const one = () => 'one';
export const both = () => `${one()} ${two()}`;
