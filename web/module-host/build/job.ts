// The one line on stdin that says what to build.
import { containedLimits, type ContainedLimits } from './contained.ts';

export interface BuildJob {
  /** Approved snapshot of the folder's code: `.owndir*` in the folder's own layout. Only read. */
  source: string;
  /** The folder itself: where errors point to and generators read. Only read. */
  folder: string;
  /** Receives `site/` and `server/`. */
  out: string;
  /** Kept between builds: installed packages, bundles. */
  cache: string;
  title: string;
  singleFile: boolean;
  /** Install scripts of packages may run. */
  scripts: boolean;
  /** More jobs follow on stdin. */
  watch: boolean;
  limits: ContainedLimits;
}

/** Each may be set; what is not a number of at least 1 counts as not set. */
function parseLimits(value: unknown): ContainedLimits {
  const given = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  const limit = ([name, usual]: [string, number]): [string, number] => {
    const number = given[name];
    return [name, typeof number === 'number' && number >= 1 && number <= 2 ** 31 - 1 ? number : usual];
  };
  return Object.fromEntries(Object.entries(containedLimits).map(limit)) as unknown as ContainedLimits;
}

/** Throws a sentence when the line is no job. */
export function parseJob(line: string): BuildJob {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new Error('the job is no JSON line');
  }
  if (typeof value !== 'object' || value === null) throw new Error('the job is no JSON object');
  const job = value as Record<string, unknown>;
  const place = (name: string): string => {
    const path = job[name];
    if (typeof path !== 'string' || !path.startsWith('/') || path.includes('\0'))
      throw new Error(`the job's "${name}" must be an absolute path`);
    return path.replace(/(?<=.)\/+$/, '');
  };
  const flag = (name: string): boolean => job[name] === true;
  return {
    source: place('source'),
    folder: place('folder'),
    out: place('out'),
    cache: place('cache'),
    title: typeof job.title === 'string' ? job.title.slice(0, 500) : '',
    singleFile: flag('singleFile'),
    scripts: flag('scripts'),
    watch: flag('watch'),
    limits: parseLimits(job.limits),
  };
}
