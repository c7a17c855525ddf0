/** `host.cjs serve`: returns the exit code. */
export function runServe(): Promise<number> {
  process.stderr.write('host.cjs serve: not there yet\n');
  return Promise.resolve(2);
}
