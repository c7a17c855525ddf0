// Processor time of a process and its descendants, thread by thread, from /proc.
import { readdirSync, readFileSync } from 'node:fs';

function parentOf(pid) {
  return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(/\) /)[1].split(' ')[1]);
}

/** What kind of process of Chromium it is: browser, renderer, utility… */
function kindOf(pid) {
  const [program, ...rest] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split(/[\0 ]/);
  const type = rest.find((word) => word.startsWith('--type='))?.slice(7);
  const service = rest.find((word) => word.startsWith('--utility-sub-type='))?.slice(19).split('.')[0];
  return service ?? type ?? program.split('/').at(-1);
}

function familyOf(root) {
  const parents = new Map();
  for (const name of readdirSync('/proc')) {
    try {
      if (/^\d+$/.test(name)) parents.set(Number(name), parentOf(name));
    } catch {
      // it has just ended
    }
  }
  const family = new Set([root]);
  for (let size = 0; size !== family.size;) {
    size = family.size;
    for (const [pid, parent] of parents) if (family.has(parent)) family.add(pid);
  }
  return family;
}

/** Milliseconds so far, by "kind of process/thread". Threads that have ended are missing. */
export function threadTimes(roots) {
  const times = {};
  for (const root of roots) {
    for (const pid of familyOf(root)) {
      try {
        const kind = kindOf(pid);
        for (const task of readdirSync(`/proc/${pid}/task`)) {
          const directory = `/proc/${pid}/task/${task}`;
          // A process's first thread bears its program's name.
          const name = task === String(pid) ? 'main' : readFileSync(`${directory}/comm`, 'utf8').trim().replace(/[\d/].*$/, '');
          const spent = Number(readFileSync(`${directory}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
          times[`${kind}/${name}`] = (times[`${kind}/${name}`] ?? 0) + spent;
        }
      } catch {
        // it has just ended
      }
    }
  }
  return times;
}

/** What was spent in between, per MiB; threads that did next to nothing are left out. */
export function spentPerMib(before, after, bytes, least = 0.05) {
  const mib = bytes / (1 << 20);
  const spent = Object.entries(after).map(([name, time]) => [name, (time - (before[name] ?? 0)) / mib]);
  const all = spent.reduce((sum, [, each]) => sum + each, 0);
  const shown = spent.filter(([, each]) => each >= least).sort((a, b) => b[1] - a[1]);
  return { all, ...Object.fromEntries(shown) };
}
