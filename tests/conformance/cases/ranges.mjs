// Parts of things.
const part = (range, expected, { more = {}, n = 1000 } = {}) => async (h) => {
  const response = await h.fetch('/ranges', { n }, { headers: { Range: range, ...more } });
  const bytes = new Uint8Array(await response.arrayBuffer());
  h.equal([response.status, bytes.length, response.headers.get('content-range')], expected.slice(0, 3));
  if (expected[3] !== undefined) h.equal(h.digest(bytes), h.patternDigest(expected[1], expected[3]));
  const [entry] = await h.seen('/ranges');
  h.equal(entry.range, range, 'the upstream was asked for');
  return { status: response.status, digest: h.digest(bytes), fields: h.fields(response) };
};

export const ranges = {
  'the first bytes': part('bytes=0-99', [206, 100, 'bytes 0-99/1000', 0]),
  'some in the middle': part('bytes=500-600', [206, 101, 'bytes 500-600/1000', 500]),
  'one byte': part('bytes=999-999', [206, 1, 'bytes 999-999/1000', 999]),
  'from there to the end': part('bytes=900-', [206, 100, 'bytes 900-999/1000', 900]),
  'the last bytes': part('bytes=-10', [206, 10, 'bytes 990-999/1000', 990]),
  'more than there is': part('bytes=990-5000', [206, 10, 'bytes 990-999/1000', 990]),
  'all of it': part('bytes=0-', [206, 1000, 'bytes 0-999/1000', 0]),
  'beyond the end is 416': part('bytes=1000-', [416, 0, 'bytes */1000']),
  'an unknown unit gives everything': part('lines=1-2', [200, 1000, null, 0]),
  'a part far inside something large': part('bytes=12000000-12099999', [206, 100000, 'bytes 12000000-12099999/16777216', 12000000], { n: 16777216 }),
  'If-Range that holds': async (h) => {
    const etag = (await h.fetch('/ranges', {}, { method: 'HEAD' })).headers.get('etag');
    const response = await h.fetch('/ranges', {}, { headers: { Range: 'bytes=1-2', 'If-Range': etag } });
    return h.equal([response.status, (await response.arrayBuffer()).byteLength], [206, 2]);
  },
  'If-Range that does not hold gives everything': async (h) => {
    const response = await h.fetch('/ranges', {}, { headers: { Range: 'bytes=1-2', 'If-Range': '"other"' } });
    return h.equal([response.status, (await response.arrayBuffer()).byteLength], [200, 1000]);
  },
  'HEAD tells that ranges are possible': async (h) => {
    const response = await h.fetch('/ranges', {}, { method: 'HEAD' });
    return h.equal([response.headers.get('accept-ranges'), response.headers.get('content-length')], ['bytes', '1000']);
  },
  'a whole thing put together from parts': async (h) => {
    const n = 1_000_000;
    const parts = await Promise.all(Array.from({ length: 10 }, (_, i) => h.bytes('/ranges', { n }, { headers: { Range: `bytes=${i * 100_000}-${i * 100_000 + 99_999}` } })));
    const whole = new Uint8Array(await new Blob(parts).arrayBuffer());
    return h.equal([whole.length, h.digest(whole)], [n, h.patternDigest(n)]);
  },
};

ranges['several parts come as multipart'] = async (h) => {
  const response = await h.fetch('/ranges', { type: 'text/x' }, { headers: { Range: 'bytes=0-9,500-509,-5' } });
  const text = await response.text();
  h.equal(response.status, 206);
  h.equal(text.match(/Content-Range: \S+ \S+/g), ['Content-Range: bytes 0-9/1000', 'Content-Range: bytes 500-509/1000', 'Content-Range: bytes 995-999/1000']);
  return { fields: h.fields(response), length: text.length };
};
