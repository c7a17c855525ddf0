// The first script of every document of an app (index.ts puts it into the frame), and of its workers.

import { startDocument } from './start.ts';
import { startWorker } from './worker_main.ts';

if (typeof document === 'undefined') startWorker();
else startDocument();
