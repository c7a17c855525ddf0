// The one line on stdin that says what to serve.

export interface ServeJob {
  /** The bundle of all modules for the server: CommonJS that exports `OwnDir`. */
  server: string;
  /** Unix socket to listen on. */
  socket: string;
  folder: string;
  /** Paths of the built site's files, which the server answers itself. */
  site: readonly string[];
  title: string;
}

/** Throws a sentence when the line is no job. */
export function parseJob(line: string): ServeJob {
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
    return path;
  };
  const site: unknown[] = Array.isArray(job.site) ? job.site : [];
  return {
    server: place('server'),
    socket: place('socket'),
    folder: place('folder').replace(/(?<=.)\/+$/, ''),
    site: site.filter((path): path is string => typeof path === 'string'),
    title: typeof job.title === 'string' ? job.title : '',
  };
}
