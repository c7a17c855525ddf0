/** `host.cjs build`: returns the exit code. */
export function runBuild(): Promise<number> {
  process.stderr.write('host.cjs build: not there yet\n');
  return Promise.resolve(2);
}
