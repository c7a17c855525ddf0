// Pages in frames: links, history, addresses.
export const documents = {
  'a page in a frame': async (h) => {
    const { told, title, path, search, referrer } = await h.frame('/nav/page', { title: 'Grüße <&>' });
    h.equal(title, 'Grüße <&>');
    return { method: told.method, path, search: search.replace(h.id, 'ID'), referrer };
  },
  'a page that is 404 is shown all the same': async (h) => h.equal((await h.frame('/nav/page', { status: 404, title: 'Not there' })).title, 'Not there'),
  'a link in the frame': async (h) => {
    const { frame } = await h.frame('/nav/page', { more: `<a id=l href="sub/page?title=Linked&id=${h.id}#there">x</a><script>onmessage = () => document.getElementById('l').click();</script>` });
    const next = h.told(frame);
    frame.contentWindow.postMessage('go', '*');
    const { path, title, hash } = await next;
    return h.equal([path, title, hash], ['/nav/sub/page', 'Linked', '#there']);
  },
  'a link into a frame by its name': async (h) => {
    const frame = h.element('iframe', { name: `named-${h.id}` });
    const told = h.told(frame);
    h.element('a', { href: h.url('/nav/page', { title: 'By name' }), target: frame.name, textContent: 'x' }).click();
    return h.equal((await told).title, 'By name');
  },
  'location.href of a framed page': async (h) => {
    const { frame } = await h.frame('/nav/page', { more: `<script>onmessage = () => { location.href = '/nav/sub/page?title=Assigned&id=${h.id}'; };</script>` });
    const next = h.told(frame);
    frame.contentWindow.postMessage('go', '*');
    return h.equal((await next).title, 'Assigned');
  },
  'location.replace of a framed page': async (h) => {
    const { frame } = await h.frame('/nav/page', { more: `<script>onmessage = () => location.replace('/nav/sub/page?title=Replaced&id=${h.id}');</script>` });
    const next = h.told(frame);
    frame.contentWindow.postMessage('go', '*');
    return h.equal((await next).title, 'Replaced');
  },
  'reload asks again': async (h) => {
    const { frame } = await h.frame('/nav/page', { more: '<script>onmessage = () => location.reload();</script>' });
    const next = h.told(frame);
    frame.contentWindow.postMessage('go', '*');
    await next;
    return h.equal((await h.seen('/nav/page')).length, 2);
  },
  'a fragment alone asks nothing': async (h) => {
    const { frame } = await h.frame('/nav/page', { more: `<script>onmessage = () => { location.hash = 'x'; }; onhashchange = () => parent.postMessage({ told: 'changed', hash: location.hash }, '*');</script>` });
    const next = h.told(frame);
    frame.contentWindow.postMessage('go', '*');
    const { hash } = await next;
    return h.equal([hash, (await h.seen('/nav/page')).length], ['#x', 1]);
  },
  'pushState, and back': async (h) => {
    const script = `onmessage = () => { history.pushState({ n: 1 }, '', '/nav/pushed?x=1'); const at = location.pathname + location.search; onpopstate = (event) => parent.postMessage({ told: { at, back: location.pathname, state: event.state } }, '*'); history.back(); };`;
    const { frame } = await h.frame('/nav/page', { more: `<script>${script}</script>` });
    const next = h.told(frame);
    frame.contentWindow.postMessage('go', '*');
    const { told } = await next;
    return h.equal([told, (await h.seen('/nav/pushed')).length], [{ at: '/nav/pushed?x=1', back: '/nav/page', state: null }, 0]);
  },
  'back to the page before': async (h) => {
    const script = `onmessage = ({ data }) => (data === 'on' ? (location.href = '/nav/sub/page?title=Second&id=${h.id}&more=' + encodeURIComponent('<scr' + 'ipt>onmessage = () => history.back();</scr' + 'ipt>')) : 0);`;
    const { frame } = await h.frame('/nav/page', { title: 'First', more: `<script>${script}</script>` });
    let next = h.told(frame);
    frame.contentWindow.postMessage('on', '*');
    const second = await next;
    next = h.told(frame);
    frame.contentWindow.postMessage('back', '*');
    return h.equal([second.title, (await next).title], ['Second', 'First']);
  },
  'Refresh leads on': async (h) => {
    const frame = h.element('iframe');
    const titles = [];
    addEventListener('message', ({ data, source }) => source === frame.contentWindow && titles.push(data.title));
    frame.src = h.url('/nav/page', { title: 'Before', h: [`Refresh: 0; url=/nav/sub/page?title=After`] });
    await h.until(() => titles.includes('After'), 'the page after');
    return titles.at(-1);
  },
  'meta refresh leads on': async (h) => {
    const frame = h.element('iframe');
    const titles = [];
    addEventListener('message', ({ data, source }) => source === frame.contentWindow && titles.push(data.title));
    frame.src = h.url('/nav/page', { title: 'Before', more: '<meta http-equiv="refresh" content="0; url=sub/page?title=After">' });
    await h.until(() => titles.includes('After'), 'the page after');
    return titles.at(-1);
  },
  'base changes where links lead': async (h) => {
    const { frame } = await h.frame('/nav/page', { more: `<base href="/nav/sub/"><a id=l href="page?title=Based&id=${h.id}">x</a><script>onmessage = () => document.getElementById('l').click();</script>` });
    const next = h.told(frame);
    frame.contentWindow.postMessage('go', '*');
    return h.equal((await next).path, '/nav/sub/page');
  },
  'X-Frame-Options: SAMEORIGIN lets the own page in': async (h) => h.equal((await h.frame('/nav/page', { title: 'Same', h: ['X-Frame-Options: SAMEORIGIN'] })).title, 'Same'),
  'a policy of the page is kept': async (h) => {
    const { told } = await h.frame('/nav/page', {
      h: ["Content-Security-Policy: script-src 'unsafe-inline'; connect-src 'none'"],
      more: `<script>addEventListener('securitypolicyviolation', (e) => parent.postMessage({ told: e.effectiveDirective }, '*')); fetch('/upload?id=${h.id}', { method: 'POST' }).catch(() => {});</script>`,
    });
    await h.text('/respond', { body: 'x' });
    h.equal((await h.seen('/upload')).length, 0, 'requests that the policy forbids');
    return told !== undefined && 'kept'; // the page tells, or its policy does: which comes first says nothing
  },
  'a frame from srcdoc asks the same origin': async (h) => {
    const frame = h.element('iframe');
    const told = h.told(frame);
    frame.srcdoc = `<script>fetch('/respond?body=hello').then((r) => r.text()).then((text) => parent.postMessage({ told: text }, '*'), (e) => parent.postMessage({ told: String(e) }, '*'));</script>`;
    return h.equal((await told).told, 'hello');
  },
  'location of the page': async (h) => h.equal([location.pathname, document.URL === location.href, new URL('x', document.baseURI).pathname], ['/', true, '/x']),
  'a document in another encoding': async (h) => {
    const frame = h.element('iframe');
    const told = h.told(frame);
    frame.src = h.url('/respond', { type: 'text/html; charset=iso-8859-1', latin1: 1, body: `<p id=p>Grüße</p><script>parent.postMessage({ told: document.getElementById('p').textContent }, '*');</script>` });
    return h.equal((await told).told, 'Grüße');
  },
  'a picture as a document': async (h) => {
    const frame = h.element('iframe', { src: h.url('/picture') });
    await h.event(frame, 'load');
    return h.equal((await h.seen('/picture')).length, 1);
  },
  'open() of a download leaves the page': async (h) => {
    const frame = h.element('iframe', { src: h.url('/download') });
    await h.untilSeen('/download', ([entry]) => entry?.ended === 'answered');
    frame.remove();
    return h.equal(location.pathname, '/');
  },
  'a script asked for by a page that is still loading': async (h) => {
    const { told } = await h.frame('/nav/page', { more: '<script src="/site/sets-a-value.js"></script><script>document.title = String(globalThis.aValueThatAScriptSets);</script>' });
    return h.equal(told.method, 'GET');
  },
};
