// Gives routes `request.body`: what a form or a script has posted, as an object. Larger bodies are refused.

const most = 64 * 1024;

export default function forms(module) {
  module.O.middleware.push(['post', '*', readBody]);
}

async function readBody(request, response, next) {
  const type = request.headers['content-type'] ?? '';
  if (!/^application\/(json|x-www-form-urlencoded)\b/.test(type)) return next();
  let text = '';
  request.setEncoding('utf8');
  for await (const piece of request) {
    text += piece;
    if (text.length > most) return next(Object.assign(new Error('That is too much for a form.'), { status: 413 }));
  }
  try {
    request.body = type.includes('json') ? JSON.parse(text) : Object.fromEntries(new URLSearchParams(text));
  } catch {
    return next(Object.assign(new Error('That is no JSON.'), { status: 400 }));
  }
  next();
}
