// Has the modules evaluated by a thread of their own, and takes what they make.
import { problemOf, runContained, type ContainedLimits } from '../contained.ts';
import { BuildFailure, type Problem } from '../report.ts';
import type { Fault, StaticItem, StaticJob, StaticMessage } from './messages.ts';

const maxBytes = 1024 * 1024 * 1024;

export interface Evaluated {
  routes: boolean;
  dynamic: boolean;
  /** Paths of the modules that have an O.static. */
  own: string[];
  items: StaticItem[];
}

export function evaluateStatic(
  script: string,
  job: StaticJob,
  warn: (problem: Problem) => void,
  limits: ContainedLimits,
): Promise<Evaluated> {
  const problems: Problem[] = [];
  const items: StaticItem[] = [];
  const places = [job.folder, job.source];
  const ofFault = ({ text, stack, module }: Fault) => problemOf(text, stack, module, places);
  let bytes = 0;
  return runContained<StaticMessage, Evaluated>({
    script,
    data: job,
    limits,
    places,
    problems,
    doing: { text: 'loading the modules', module: null, ms: limits.loadMs },
    take(message, run) {
      if ('current' in message) {
        const { current, module, loading } = message;
        run.now({ text: current, module, ms: loading ? limits.loadMs : limits.generatorMs });
      } else if ('warning' in message) warn(ofFault(message.warning));
      else if ('failed' in message) problems.push(ofFault(message.failed));
      else if ('item' in message) {
        items.push(message.item);
        if ('bytes' in message.item) bytes += message.item.bytes.length;
        if (bytes > maxBytes) throw BuildFailure.of(`O.static makes more than ${maxBytes} bytes in all`);
      } else if ('ended' in message || problems.length > 0) throw new BuildFailure(problems);
      else run.settle({ ...message.evaluated, items });
    },
  });
}
