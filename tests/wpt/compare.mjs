// What differs between two runs of the same test files. Only verdicts are compared: messages hold ports and times.

const words = ['PASS', 'FAIL', 'TIMEOUT', 'NOTRUN', 'PRECONDITION_FAILED'];
const harnessWords = ['OK', 'ERROR', 'TIMEOUT', 'PRECONDITION_FAILED'];

/** Name → verdict of a test file's parts; the file as a whole is called ''. Parts of one name are numbered. */
export function verdicts(result) {
  if (result.error !== undefined) return new Map([['', 'NO RESULT']]);
  const all = new Map([['', harnessWords[result.harness[0]] ?? String(result.harness[0])]]);
  for (const [name, status] of result.tests) {
    let unique = name || '(no name)';
    for (let i = 2; all.has(unique); i += 1) unique = `${name} (${i})`;
    all.set(unique, words[status] ?? String(status));
  }
  return all;
}

/** The parts that have not the same verdict in both: [name, one, other]. */
export function differing(one, other) {
  const [a, b] = [verdicts(one), verdicts(other)];
  return [...new Set([...a.keys(), ...b.keys()])].map((name) => [name, a.get(name) ?? 'ABSENT', b.get(name) ?? 'ABSENT']).filter(([, x, y]) => x !== y);
}

/**
 * A part that differed is run again, alone, by both ways. `direct` and `other` are its verdicts in order, the first from the
 * crowded run. 'same': alone it is the same each time; 'unsteady': the direct way does not agree with itself; 'differs'.
 */
export function judge(direct, other) {
  if (new Set(direct.slice(1)).size === 1 && other.slice(1).every((verdict) => verdict === direct[1])) return 'same';
  if (new Set(direct).size > 1 && other.slice(1).some((verdict) => direct.includes(verdict))) return 'unsteady';
  return 'differs';
}
