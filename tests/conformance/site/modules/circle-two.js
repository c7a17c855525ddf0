import { one } from './circle-one.js';

export const two = () => (one() === 'one' ? 'two' : 'wrong');
