// What goes wrong upstream is seen as such; never a silently short 200.
const noAnswer = (path) => async (h) => h.equal(await h.failsVisibly(h.fetch(path)), 'visible');
const cutBody = (path) => async (h) => {
  const response = await h.fetch(path).catch((error) => ({ status: 0, error: error.name }));
  if (response.status === 502) return 'an error';
  if (response.status === 0) return h.equal(response.error, 'TypeError') && 'an error';
  const got = await h.drain(response);
  h.ok(got.error, `an error, not a body of ${got.length}`);
  return 'an error';
};

export const errors = {
  'reset instead of an answer': noAnswer('/fault/reset'),
  'closed instead of an answer': noAnswer('/fault/close'),
  'garbage instead of an answer': noAnswer('/fault/garbage'),
  'two different lengths': noAnswer('/fault/two-lengths'),
  'a head of 400 KB': noAnswer('/fault/huge-head'),
  'less body than was said': cutBody('/fault/short'),
  'less body than was said, then a reset': cutBody('/fault/short-reset'),
  'chunks that break off': cutBody('/fault/chunked-cut'),
  'chunks that end in a reset': cutBody('/fault/chunked-reset'),
  'a chunk size that is none': cutBody('/fault/chunk-size'),
  'a reset after half of the body has been read': async (h) => {
    const response = await h.fetch('/fault/reset-after');
    const reader = response.body.getReader();
    let got = 0;
    while (got < 1000) got += (await h.within(reader.read(), 'the first half')).value.length;
    await h.open('reset');
    return h.equal([response.status, got, await h.rejects(reader.read())], [200, 1000, 'TypeError']);
  },
  'text() of a body that breaks off': async (h) => h.equal(await h.rejects(h.fetch('/fault/chunked-cut').then((response) => response.text())), 'TypeError'),
  'more body than was said: the rest is nobody’s': async (h) => h.equal(await h.text('/fault/too-long'), 'body'),
  'an error does not spoil what comes after it': async (h) => {
    for (const path of ['/fault/reset', '/fault/short', '/fault/garbage']) await h.fetch(path).then((response) => response.text()).catch(() => {});
    return h.equal(await h.text('/respond', { body: 'well' }), 'well');
  },
  'a picture that breaks off': async (h) => {
    const image = h.element('img');
    const ended = new Promise((resolve) => ['load', 'error'].forEach((name) => image.addEventListener(name, () => resolve(name))));
    image.src = h.url('/fault/reset');
    return h.equal(await h.within(ended, 'load or error'), 'error');
  },
  'a picture that is not there': async (h) => {
    const image = h.element('img');
    const ended = new Promise((resolve) => ['load', 'error'].forEach((name) => image.addEventListener(name, () => resolve(name))));
    image.src = '/nothing-here.png';
    return h.equal(await h.within(ended, 'load or error'), 'error');
  },
  'a script that is not there': async (h) => {
    const script = h.element('script', { src: '/nothing-here.js' });
    const ended = new Promise((resolve) => ['load', 'error'].forEach((name) => script.addEventListener(name, () => resolve(name))));
    return h.equal(await h.within(ended, 'load or error'), 'error');
  },
  'an address that nobody may ask': async (h) => h.equal(await h.rejects(fetch('http://127.0.0.1:1/')), 'TypeError'),
};
