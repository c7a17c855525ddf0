// Who no longer wants an answer says so, and the upstream learns it.
const aborted = (path) => [path, ([entry]) => entry?.ended === 'aborted', 'the upstream learns of the cancel'];

export const cancel = {
  'before the head': async (h) => {
    const controller = new AbortController();
    const asked = h.fetch('/stall', { held: 1 }, { signal: controller.signal });
    await h.untilSeen('/stall', (list) => list.length === 1);
    controller.abort();
    const name = await h.rejects(asked);
    await h.untilSeen(...aborted('/stall'));
    return h.equal(name, 'AbortError');
  },
  'after the head, before any body': async (h) => {
    const controller = new AbortController();
    const response = await h.fetch('/stall', {}, { signal: controller.signal });
    const text = response.text();
    controller.abort();
    const name = await h.rejects(text);
    await h.untilSeen(...aborted('/stall'));
    return h.equal(name, 'AbortError');
  },
  'in the middle of the body': async (h) => {
    const controller = new AbortController();
    const response = await h.fetch('/stream', { pieces: 3 }, { signal: controller.signal });
    const reader = h.reader(response);
    h.equal(await reader.next(8), 'piece 0\n');
    controller.abort();
    const name = await h.rejects(reader.next(8));
    await h.untilSeen(...aborted('/stream'));
    return h.equal(name, 'AbortError');
  },
  'in the middle of a large body': async (h) => {
    const controller = new AbortController();
    const response = await h.fetch('/endless', {}, { signal: controller.signal });
    const reader = response.body.getReader();
    for (let got = 0; got < 3_000_000; ) got += (await reader.read()).value.length;
    controller.abort();
    await h.untilSeen(...aborted('/endless'));
    return h.equal(await h.rejects(reader.read()), 'AbortError');
  },
  'by the reader': async (h) => {
    const response = await h.fetch('/stream', { pieces: 3 });
    const reader = h.reader(response);
    await reader.next(8);
    await reader.cancel('enough');
    await h.untilSeen(...aborted('/stream'));
    return 'cancelled';
  },
  'with an own reason': async (h) => {
    const controller = new AbortController();
    const asked = h.fetch('/stall', { held: 1 }, { signal: controller.signal });
    await h.untilSeen('/stall', (list) => list.length === 1);
    controller.abort(new RangeError('my reason'));
    return h.equal(await h.rejects(asked), 'RangeError');
  },
  'by a time limit': async (h) => {
    const name = await h.rejects(h.fetch('/stall', { held: 1 }, { signal: AbortSignal.timeout(200) }));
    await h.untilSeen('/stall', (list) => list.every((entry) => entry.ended === 'aborted'));
    return h.equal(name, 'TimeoutError');
  },
  'before it began, nothing is asked': async (h) => {
    const name = await h.rejects(h.fetch('/echo', {}, { signal: AbortSignal.abort() }));
    return h.equal([name, (await h.seen('/echo')).length], ['AbortError', 0]);
  },
  'of one leaves the others': async (h) => {
    const controller = new AbortController();
    const one = h.fetch('/stream', { id: `${h.id}-a`, pieces: 2 }, { signal: controller.signal });
    const other = h.reader(await h.fetch('/stream', { id: `${h.id}-b`, pieces: 2 }));
    await one;
    await other.next(8);
    controller.abort();
    await h.open('1', `${h.id}-b`);
    return h.equal(await other.next(8), 'piece 1\n');
  },
  'of an upload that is not read': async (h) => {
    const controller = new AbortController();
    const body = new Blob(Array(60).fill(h.pattern(1_000_000))); // more than all buffers on a way hold
    const asked = h.fetch('/upload/held', {}, { method: 'POST', body, signal: controller.signal });
    await h.untilSeen('/upload/held', (list) => list.length === 1);
    controller.abort();
    const name = await h.rejects(asked);
    await h.open('read'); // who does not read cannot see that the other side has gone
    const [entry] = await h.untilSeen(...aborted('/upload/held'));
    return h.equal([name, entry.whole], ['AbortError', false]);
  },
  'of five at once': async (h) => {
    const controllers = Array.from({ length: 5 }, () => new AbortController());
    const all = controllers.map((controller, n) => h.fetch('/stall', { held: 1, n }, { signal: controller.signal }).catch((error) => error.name));
    await h.untilSeen('/stall', (list) => list.length === 5);
    for (const controller of controllers) controller.abort();
    const names = await Promise.all(all);
    await h.untilSeen('/stall', (list) => list.every((entry) => entry.ended === 'aborted'));
    return h.equal(names, Array(5).fill('AbortError'));
  },
  'after the end changes nothing': async (h) => {
    const controller = new AbortController();
    const response = await h.fetch('/respond', { body: 'whole' }, { signal: controller.signal });
    const text = await response.text();
    controller.abort();
    const [entry] = await h.seen('/respond');
    return h.equal([text, entry.ended], ['whole', 'answered']);
  },
  'by taking the frame away that asked': async (h) => {
    const { frame } = await h.frame('/nav/page', { more: `<script>fetch('/stall?id=${h.id}').then((r) => r.text()).catch(() => {});</script>` });
    await h.untilSeen('/stall', (list) => list.length === 1);
    frame.remove();
    await h.untilSeen(...aborted('/stall'));
    return 'cancelled';
  },
  'of XMLHttpRequest': async (h) => {
    const { request, done } = h.xhr('GET', '/stall', { type: 'application/json', first: '[' });
    await h.until(() => request.readyState >= 2, 'the head');
    request.abort();
    await h.untilSeen(...aborted('/stall'));
    return h.equal([await done, request.status, request.readyState], ['abort', 0, 0]);
  },
};
