// Forms that a page sends into a frame.
const inputs = [
  ['input', { name: 'text', value: 'Grüße & mehr' }],
  ['input', { name: 'same', value: '1' }],
  ['input', { name: 'same', value: '2' }],
  ['input', { name: 'check', type: 'checkbox', value: 'on!', checked: true }],
  ['input', { name: 'unchecked', type: 'checkbox' }],
  ['textarea', { name: 'area', value: 'line\nline' }],
  ['input', { name: '', value: 'nameless' }],
  ['input', { name: 'disabled', value: 'no', disabled: true }],
];
async function sent(h, { path = '/form', parameters = {}, more = [], by, ...properties }) {
  const frame = h.element('iframe', { name: `form-${h.id}` });
  const form = h.element('form', { action: h.url(path, parameters), target: frame.name, ...properties });
  for (const [tag, each] of [...inputs, ...more]) h.element(tag, each, form);
  const told = h.told(frame);
  if (by) by(form);
  else form.submit();
  return (await told).told;
}
const values = ['text=Gr%C3%BC%C3%9Fe+%26+mehr', 'same=1', 'same=2', 'check=on%21', 'area=line%0D%0Aline'];

export const forms = {
  'GET puts the values into the query': async (h) => {
    const told = await sent(h, { method: 'get' });
    h.equal(told, { title: 'Form', method: 'GET', type: '', query: `?${values.join('&')}`, body: '' });
    return told;
  },
  'POST puts them into the body': async (h) => {
    const told = await sent(h, { method: 'post' });
    h.equal([told.method, told.type, told.body], ['POST', 'application/x-www-form-urlencoded', values.join('&')]);
    return told;
  },
  'POST as multipart, with a file': async (h) => {
    const told = await sent(h, {
      method: 'post', enctype: 'multipart/form-data',
      by: (form) => {
        const chooser = h.element('input', { name: 'file', type: 'file' }, form);
        const data = new DataTransfer();
        data.items.add(new File(['file text'], 'näme.txt', { type: 'text/x-test' }));
        chooser.files = data.files;
        form.submit();
      },
    });
    h.equal(told.parts.at(-1), { name: 'file', file: 'näme.txt', type: 'text/x-test', value: 'file text' });
    return told;
  },
  'POST as plain text': async (h) => {
    const told = await sent(h, { method: 'post', enctype: 'text/plain' });
    return h.equal([told.type, told.body.split('\r\n')[0]], ['text/plain', 'text=Grüße & mehr']);
  },
  'the button that was pressed is sent': async (h) => {
    const told = await sent(h, { method: 'post', more: [['button', { name: 'button', value: 'pressed' }], ['button', { name: 'other', value: 'not' }]], by: (form) => form.querySelector('button').click() });
    h.equal(told.body, [...values, 'button=pressed'].join('&'));
    return told;
  },
  'a button with its own address and method': async (h) => {
    const told = await sent(h, { method: 'get', more: [['button', { name: 'b', value: 'x', formAction: h.url('/form', { mine: 1 }), formMethod: 'post' }]], by: (form) => form.querySelector('button').click() });
    return h.equal([told.method, told.query], ['POST', '?mine=1']);
  },
  'requestSubmit fires submit': async (h) => {
    let fired = 0;
    const told = await sent(h, {
      method: 'post',
      by: (form) => {
        form.addEventListener('submit', () => (fired += 1));
        form.requestSubmit();
      },
    });
    return h.equal([told.method, fired], ['POST', 1]);
  },
  'one that is prevented sends nothing': async (h) => {
    const form = h.element('form', { action: h.url('/form'), method: 'post' });
    form.addEventListener('submit', (event) => event.preventDefault());
    form.requestSubmit();
    await h.text('/respond', { body: 'x' });
    return h.equal((await h.seen('/form')).length, 0);
  },
  'POST, then 303 to a page': async (h) => {
    const frame = h.element('iframe', { name: `form-${h.id}` });
    const form = h.element('form', { action: h.url('/form/then-see'), method: 'post', target: frame.name });
    h.element('input', { name: 'a', value: 'b' }, form);
    const told = h.told(frame);
    form.submit();
    const { title, path } = await told;
    const list = await h.seen();
    return h.equal([title, path, list.map(({ method, path: at }) => `${method} ${at}`)], ['after the form', '/nav/page', ['POST /form/then-see', 'GET /nav/page']]);
  },
  'POST through 307 keeps the body': async (h) => {
    const frame = h.element('iframe', { name: `form-${h.id}` });
    const form = h.element('form', { action: h.url('/redirect', { status: 307, to: '/form', form: 'absolute' }), method: 'post', target: frame.name });
    h.element('input', { name: 'a', value: 'b' }, form);
    const told = h.told(frame);
    form.submit();
    return h.equal((await told).told.body, 'a=b');
  },
  'FormData of a form, by fetch': async (h) => {
    const form = h.element('form');
    for (const [tag, each] of inputs) h.element(tag, each, form);
    const told = await h.json('/form', { json: 1 }, { method: 'POST', body: new URLSearchParams(new FormData(form)) });
    return h.equal(told.body.replace(/%0D/g, ''), values.join('&').replace(/%0D/g, ''));
  },
};
