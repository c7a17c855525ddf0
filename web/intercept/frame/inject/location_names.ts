// A document's own `location` cannot be replaced in a browser, so scripts get another name for it: each identifier `location`
// becomes `owndir$location`, which every object has (location.ts). Local variables of that name are renamed alike, hence
// keep their meaning; keys of literals, labels, class members and module names stay. One pass, no tree: the scanner knows
// strings, templates, regular expressions and what kind of brace it is in.

export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export const kLocation = 'owndir$location';
const kName = 'location';

type Brace = 'block' | 'object' | 'class' | 'import' | 'export' | 'reexport' | 'template';

const identifier = /#?[A-Za-z_$\u0080-\uffff\\][\w$\u0080-\uffff\\{}]*/y;
const identifierPlain = /#?[A-Za-z_$\u0080-\uffff][\w$\u0080-\uffff]*/y;
const number = /\.?\d(?:[eE][+-]|[\w.])*/y;
const string = /"(?:[^"\\\n]|\\[^])*"|'(?:[^'\\\n]|\\[^])*'/y;
const blank = /(?:[\s\ufeff]+|\/\/[^\n\r\u2028\u2029]*|\/\*[^]*?\*\/)+/y;
const regex = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;
const templatePiece = /(?:[^`\\$]|\\[^]|\$(?!\{))*(`|\$\{)/y;
const punctuator = /=>|\?\.(?!\d)|\.\.\.|\+\+|--|[=!]==?|[^]/y;

const beforeExpression = new Set(
  'return typeof case in of new delete void throw instanceof do else yield await default extends'.split(' '),
);
const beforeBlock = new Set('else do try finally static'.split(' '));

interface Open {
  readonly what: '(' | '[' | Brace;
  /** Of `if (`, `while (` and the like: what follows `)` begins an expression or a statement. */
  readonly control: boolean;
}

/** Null when the text could not be followed to its end. */
export function locationEdits(source: string): Edit[] | null {
  return new Scanner(source).run();
}

class Scanner {
  readonly #source: string;
  readonly #edits: Edit[] = [];
  readonly #stack: Open[] = [];
  #at = 0;
  /** The last token that is not blank; "" at the start, "a" for a literal. */
  #last = '';
  #beforeLast = '';
  /** A regular expression may come next. */
  #operand = true;
  #classAt = -1;
  #caseAt = -1;
  #importing = false;

  constructor(source: string) {
    this.#source = source;
  }

  run(): Edit[] | null {
    const source = this.#source;
    if (source.startsWith('#!')) this.#at = Math.max(source.indexOf('\n'), 2);
    while (this.#at < source.length) {
      if (this.#match(blank) !== null) continue;
      if (!this.#step(source.charCodeAt(this.#at))) return null;
    }
    return this.#stack.length === 0 ? this.#edits : null;
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source)?.[0] ?? null;
    if (found !== null) this.#at += found.length;
    return found;
  }

  #token(text: string, operand: boolean): true {
    this.#beforeLast = this.#last;
    this.#last = text;
    this.#operand = operand;
    return true;
  }

  #step(code: number): boolean {
    if (code === 0x22 || code === 0x27) {
      if (this.#match(string) === null) return false;
      this.#importing = false;
      return this.#token('a', false);
    }
    if (code === 0x60) {
      this.#at += 1;
      return this.#template();
    }
    if (code === 0x2f && this.#operand) return this.#match(regex) !== null && this.#token('a', false);
    const next = this.#source.charCodeAt(this.#at + 1);
    if ((code >= 0x30 && code <= 0x39) || (code === 0x2e && next >= 0x30 && next <= 0x39))
      return this.#match(number) !== null && this.#token('a', false);
    const start = this.#at;
    const word = code === 0x5c ? this.#match(identifier) : this.#match(identifierPlain);
    if (word !== null) return this.#word(word, start);
    return this.#punctuator(this.#match(punctuator) ?? '');
  }

  /** From behind "`" or the "}" of a part. */
  #template(): boolean {
    const piece = this.#match(templatePiece);
    if (piece === null) return false;
    if (piece.endsWith('`')) return this.#token('a', false);
    this.#stack.push({ what: 'template', control: false });
    return this.#token('${', true);
  }

  #punctuator(text: string): boolean {
    const stack = this.#stack;
    switch (text) {
      case '(':
        stack.push({ what: '(', control: /^(?:if|while|for|with)$/.test(this.#last) && this.#beforeLast !== '.' });
        return this.#token(text, true);
      case '[':
        stack.push({ what: '[', control: false });
        return this.#token(text, true);
      case '{':
        stack.push({ what: this.#brace(), control: false });
        return this.#token(text, true);
      case ')': {
        const open = stack.pop();
        return open?.what === '(' && this.#token(text, open.control);
      }
      case ']':
        return stack.pop()?.what === '[' && this.#token(text, false);
      case '}': {
        const open = stack.pop();
        if (!open || open.what === '(' || open.what === '[') return false;
        if (open.what === 'template') return this.#template();
        return this.#token(text, open.what !== 'object');
      }
      case '++':
      case '--':
        return this.#token(text, this.#operand);
      case ';':
        this.#importing = false;
        return this.#token(text, true);
      case ':':
        if (this.#caseAt === stack.length) {
          this.#caseAt = -1;
          return this.#token('case:', true);
        }
        return this.#token(text, true);
      default:
        return this.#token(text, text !== '.' && text !== '?.');
    }
  }

  #inside(): Open['what'] | 'top' {
    return this.#stack.at(-1)?.what ?? 'top';
  }

  #brace(): Brace {
    const last = this.#last;
    if (this.#classAt === this.#stack.length) {
      this.#classAt = -1;
      return 'class';
    }
    if (this.#importing && (last === 'import' || last === ',')) return 'import';
    if (last === 'export') return this.#isReexport() ? 'reexport' : 'export';
    if (/^(?:|=>|\)|;|\}|case:)$/.test(last) || beforeBlock.has(last)) return 'block';
    if (last === '{') return this.#blockOpened() ? 'block' : 'object';
    if (beforeExpression.has(last) || /^(?:const|let|var|\$\{)$/.test(last)) return 'object';
    // A name: of a function, a label, a namespace of a compiler's output.
    return /^[\w$#\u0080-\uffff]/.test(last) && last !== 'a' ? 'block' : 'object';
  }

  /** The brace just opened, which is still on top. */
  #blockOpened(): boolean {
    const what = this.#inside();
    return what === 'block' || what === 'template' || what === 'class';
  }

  #isReexport(): boolean {
    const end = this.#source.indexOf('}', this.#at);
    return end > 0 && /^\s*from\b/.test(this.#source.slice(end + 1, end + 64));
  }

  #word(word: string, start: number): boolean {
    const last = this.#last;
    const isMember = last === '.' || last === '?.';
    if (!isMember) {
      if (word === 'class' && !this.#isKey()) this.#classAt = this.#stack.length;
      else if (word === 'case' || word === 'default') this.#caseAt = this.#stack.length;
      else if (word === 'import' && !this.#isKey()) this.#importing = !/^[(.]/.test(this.#following());
      else if (word === kName) this.#rename(start);
    } else if (word === kName) this.#edit(start, kLocation);
    if (word === 'default' && last === 'export') this.#caseAt = -1;
    return this.#token(word, !isMember && beforeExpression.has(word));
  }

  #edit(start: number, text: string): void {
    this.#edits.push({ start, end: start + kName.length, text });
  }

  /** The next characters that are not blank. */
  #following(): string {
    blank.lastIndex = this.#at;
    const skipped = blank.exec(this.#source)?.[0].length ?? 0;
    return this.#source.slice(this.#at + skipped, this.#at + skipped + 3);
  }

  /** In the place of a key in an object or class. */
  #isKey(): boolean {
    const inside = this.#inside();
    const last = this.#last;
    if (inside === 'object') return /^(?:\{|,)$/.test(last) || this.#isModifier();
    if (inside === 'class') return /^(?:\{|;|\})$/.test(last) || this.#isModifier();
    return false;
  }

  #isModifier(): boolean {
    if (!/^(?:get|set|async|static|\*)$/.test(this.#last)) return false;
    return /^(?:\{|,|;|\}|get|set|async|static)$/.test(this.#beforeLast);
  }

  #rename(start: number): void {
    const following = this.#following();
    const inside = this.#inside();
    const isFirst = this.#last === '{' || this.#last === ',';
    if (inside === 'reexport') return;
    if (inside === 'import') {
      if (isFirst && /^[,}]/.test(following)) return this.#edit(start, `${kName} as ${kLocation}`);
      return isFirst ? undefined : this.#edit(start, kLocation);
    }
    if (inside === 'export') {
      if (!isFirst) return;
      return this.#edit(start, /^[,}]/.test(following) ? `${kLocation} as ${kName}` : kLocation);
    }
    if (!this.#isKey()) return this.#edit(start, kLocation);
    if (inside === 'class' || /^[:(]/.test(following)) return;
    if (/^(?:[,}]|=(?![=>]))/.test(following)) this.#edit(start, `${kName}: ${kLocation}`);
  }
}

/** For what the scanner could not follow: only what is surely meant. */
export function plainLocationEdits(source: string): Edit[] {
  const edits: Edit[] = [];
  for (const match of source.matchAll(/\b(?:window|document|self|globalThis|top|parent)\.(location)\b/g)) {
    const end = match.index + match[0].length;
    edits.push({ start: end - kName.length, end, text: kLocation });
  }
  return edits;
}
