// Boxes in lists: "- [ ] text".

const kTask = /^(\s*(?:>\s*)*(?:[-*+]|\d+[.)])\s+\[)([ xX])(\]\s)/;

/** The text with its n-th task ticked or not; fenced code does not count. */
export function withTask(text, number, done) {
  let fence = null;
  let seen = 0;
  return text
    .split('\n')
    .map(line => {
      const mark = /^\s*(`{3,}|~{3,})/.exec(line)?.[1]?.[0];
      if (mark && (fence === null || fence === mark)) fence = fence === null ? mark : null;
      if (fence !== null || !kTask.test(line)) return line;
      return seen++ === number ? line.replace(kTask, `$1${done ? 'x' : ' '}$3`) : line;
    })
    .join('\n');
}
