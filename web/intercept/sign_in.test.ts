import { beforeEach, describe, expect, it } from 'vitest';
import { Deferred } from '../base/deferred.ts';
import type { Login } from './port.ts';
import { basicRealm, SignIns, type Challenge, type Refusal } from './sign_in.ts';

const anna: Login = { name: 'anna', password: 'pass' };
const basic = (text: string) => `Basic ${btoa(text)}`;
const fields = (...values: string[]) => values.map((value): [string, string] => ['WWW-Authenticate', value]);

describe('the realm of an answer', () => {
  it.each([
    ['Basic realm="notes"', 'notes'],
    ['basic REALM=notes', 'notes'],
    ['Basic charset="UTF-8", realm="a \\"quoted\\" one"', 'a "quoted" one'],
    ['Basic', ''],
    ['Basic realm=""', ''],
    ['Bearer realm="tokens", Basic realm="notes"', 'notes'],
    ['Negotiate YIIx+/==, , Basic realm = "notes"', 'notes'],
    ['Negotiate, Basic realm="notes", Bearer', 'notes'],
    ['Basic realm="Gr\xc3\xbc\xc3\x9fe"', 'Grüße'],
    ['Basic realm="Gr\xfc\xdfe"', 'Grüße'],
    ['Bearer realm="Basic realm=no"', null],
    ['Digest realm="notes", nonce="x"', null],
    ['"', null],
    ['', null],
  ])('%s', (value, realm) => {
    expect(basicRealm(fields(value))).toBe(realm);
  });

  it('is that of the first field with one, and bounded', () => {
    expect(basicRealm(fields('Bearer', 'Basic realm=a', 'Basic realm=b'))).toBe('a');
    expect(basicRealm([['content-type', 'Basic realm=a']])).toBeNull();
    expect(basicRealm(fields(`Basic realm="${'x'.repeat(40_000)}"`))).toHaveLength(1024);
  });
});

describe('signing in', () => {
  let asked: { challenge: Challenge; signal: AbortSignal; answer: Deferred<Login | null> }[];
  let signIns: SignIns;
  const { signal } = new AbortController();
  const refusal = (more: Partial<Refusal> = {}): Refusal => ({
    ...{ realm: 'notes', target: '/docs/a', sent: null, login: null, navigation: false },
    ...more,
  });
  const answer = (login: Login | null, at = -1) => asked.at(at)?.answer.resolve(login);

  beforeEach(() => {
    asked = [];
    signIns = new SignIns((challenge, stop) => {
      const deferred = new Deferred<Login | null>();
      asked.push({ challenge, signal: stop, answer: deferred });
      stop.addEventListener('abort', () => deferred.resolve(null));
      return deferred.promise;
    });
  });

  async function signedIn(target = '/docs/a', realm = 'notes'): Promise<void> {
    const next = signIns.next(refusal({ target, realm }), signal);
    answer(anna);
    await next;
  }

  it('goes with everything at or below the directory, in UTF-8', async () => {
    const next = signIns.next(refusal({ target: '/docs/a?b=/c/d' }), signal);
    answer({ name: 'ü', password: 'a:b' });
    expect(await next).toBe('Basic w7w6YTpi');
    for (const target of ['/docs/', '/docs/x?y', '/docs/deep/er']) expect(signIns.known(target)).toBe('Basic w7w6YTpi');
    for (const target of ['/', '/docs', '/docsx/a', '/other/?/docs/']) expect(signIns.known(target)).toBeNull();
  });

  it('takes the deepest directory', async () => {
    await signedIn('/a');
    const inner = signIns.next(refusal({ realm: 'inner', target: '/docs/x' }), signal);
    answer({ name: 'b', password: '' });
    await inner;
    expect([signIns.known('/docs/y'), signIns.known('/y')]).toEqual([basic('b:'), basic('anna:pass')]);
    expect(signIns.only).toBeNull();
  });

  it('asks once for those who come at once, and nobody again elsewhere in the realm', async () => {
    const all = ['/a/1', '/b/2', '/a/3'].map(target => signIns.next(refusal({ target }), signal));
    answer(anna);
    expect(await Promise.all(all)).toEqual(Array(3).fill(basic('anna:pass')));
    expect(await signIns.next(refusal({ target: '/c/4' }), signal)).toBe(basic('anna:pass'));
    expect(asked).toHaveLength(1);
    expect(signIns.known('/b/x')).toBe(basic('anna:pass'));
    expect(signIns.only).toBe(basic('anna:pass'));
  });

  it('asks again when it is refused, and says so', async () => {
    await signedIn();
    const next = signIns.next(refusal({ sent: basic('anna:pass') }), signal);
    expect(asked[1]?.challenge).toEqual({ realm: 'notes', refused: true });
    expect(signIns.known('/docs/a')).toBeNull();
    answer({ name: 'anna', password: 'other' });
    expect(await next).toBe(basic('anna:other'));
  });

  it('does not ask for one that was refused what is out of date by now', async () => {
    await signedIn();
    expect(await signIns.next(refusal({ sent: basic('old:one') }), signal)).toBe(basic('anna:pass'));
    expect(asked).toHaveLength(1);
  });

  it('asks nobody after a cancel for the same realm, and after three for any, before the next navigation', async () => {
    for (const [at, realm] of ['notes', 'notes', 'b', 'c', 'd', 'e'].entries()) {
      const next = signIns.next(refusal({ realm }), signal);
      answer(null);
      expect(await next).toBeNull();
      expect(asked).toHaveLength([1, 1, 2, 3, 3, 3][at] ?? NaN);
    }
    const again = signIns.next(refusal({ navigation: true }), signal);
    answer(anna);
    expect(await again).toBe(basic('anna:pass'));
  });

  it('asks nobody any more when nobody waits', async () => {
    const stops = [new AbortController(), new AbortController()];
    const waiting = stops.map(stop => signIns.next(refusal(), stop.signal).catch((error: unknown) => error));
    stops[0]?.abort('first');
    expect(await waiting[0]).toBe('first');
    expect(asked[0]?.signal.aborted).toBe(false);
    stops[1]?.abort('second');
    expect(await waiting[1]).toBe('second');
    expect(asked[0]?.signal.aborted).toBe(true);
    // That was nobody's refusal.
    void signIns.next(refusal(), signal);
    expect(asked).toHaveLength(2);
  });

  it('tries the app’s own login first, keeps it, and asks nobody when it is wrong', async () => {
    const own = signIns.next(refusal({ login: anna }), signal);
    expect(await own).toBe(basic('anna:pass'));
    expect(signIns.known('/docs/b')).toBe(basic('anna:pass'));
    expect(await signIns.next(refusal({ login: anna, sent: basic('anna:pass') }), signal)).toBeNull();
    expect(signIns.known('/docs/b')).toBeNull();
    expect(asked).toHaveLength(0);
  });

  it('keeps a bounded number of realms and directories', async () => {
    for (let at = 0; at < 30; at += 1) await signedIn(`/realm${at}/x`, `realm ${at}`);
    expect([signIns.known('/realm9/x'), signIns.known('/realm10/x')]).toEqual([null, basic('anna:pass')]);
    for (let at = 0; at < 12; at += 1) await signIns.next(refusal({ realm: 'realm 29', target: `/d${at}/x` }), signal);
    expect([signIns.known('/d1/x'), signIns.known('/d2/x')]).toEqual([null, basic('anna:pass')]);
  });
});
