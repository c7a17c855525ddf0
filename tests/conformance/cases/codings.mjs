// Content codings: decoded exactly once, by whoever asked.
const text = 'coded text: Grüße\n'.repeat(50);
const decoded = (enc, more = {}) => async (h) => {
  const response = await h.fetch('/coded', { enc, ...more });
  h.equal(await response.text(), text);
  return { status: response.status };
};
const large = (enc) => async (h) => h.equal(await h.drain(await h.fetch('/coded', { enc, n: 3_000_000 })), { length: 3_000_000, digest: h.patternDigest(3_000_000) });
const broken = (enc, how) => async (h) => {
  const failed = await h.fetch('/coded', { enc, broken: how }).then((response) => response.text()).then((got) => `gave ${got.length} characters`, () => 'failed');
  return h.equal(failed, 'failed');
};

export const codings = {
  gzip: decoded('gzip'),
  'gzip in small chunks': decoded('gzip', { chunked: 1 }),
  deflate: decoded('deflate'),
  'deflate without its wrapping': decoded('raw-deflate'),
  'x-gzip': decoded('x-gzip'),
  'gzip of gzip': decoded('gzip,gzip'),
  'deflate, then gzip': decoded('deflate,gzip'),
  'identity': decoded('identity'),
  'GZIP in capitals': decoded('gzip', { says: 'GZIP' }),
  'gzip of 3 MB': large('gzip'),
  'deflate of 3 MB': large('deflate'),
  'gzip of nothing': async (h) => h.equal(await h.text('/coded', { body: '' }), ''),
  'gzip that is cut off is never the whole': async (h) => {
    const got = await h.fetch('/coded', { enc: 'gzip', broken: 'cut' }).then((response) => response.text()).catch(() => '');
    return h.ok(got.length < text.length && text.startsWith(got.replace(/\ufffd+$/, '')), 'a part or an error') && 'not the whole';
  },
  'gzip that is none is an error': broken('gzip', 'garbage'),
  'the coding and the coded length are shown': async (h) => {
    const response = await h.fetch('/coded', { enc: 'gzip' });
    await response.text();
    return { coding: response.headers.get('content-encoding'), length: h.ok(response.headers.get('content-length'), 'a length') };
  },
  'a file that is gzip itself stays so': async (h) => {
    const response = await h.fetch('/coded', { enc: 'gzip', says: 'identity' });
    const bytes = new Uint8Array(await response.arrayBuffer());
    return h.equal([bytes[0], bytes[1]], [0x1f, 0x8b]);
  },
  'HEAD of something coded': async (h) => {
    const response = await h.fetch('/coded', { enc: 'gzip' }, { method: 'HEAD' });
    return h.equal([response.status, await response.text()], [200, '']);
  },
  'what is asked for is what can be decoded': async (h) => {
    const response = await h.fetch('/coded', { enc: 'gzip' });
    await response.text();
    const [{ accepts }] = await h.seen('/coded');
    return h.equal(accepts.split(/, */).filter((coding) => ['gzip', 'deflate'].includes(coding)), ['gzip', 'deflate']);
  },
  'br, where the browser asks for it': async (h) => {
    await h.text('/coded', { enc: 'identity' });
    const [{ accepts }] = await h.seen('/coded');
    if (!/\bbr\b/.test(accepts)) return 'as text';
    h.equal(await h.text('/coded', { enc: 'br' }), text);
    return 'as text';
  },
  'a coded page in a frame': async (h) => h.equal((await h.frame('/nav/page', { gzip: 1, title: 'Coded' })).title, 'Coded'),
};
