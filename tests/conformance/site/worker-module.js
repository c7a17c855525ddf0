import { deep } from './modules/deep/er.js';

postMessage(deep);
