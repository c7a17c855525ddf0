// The title of a page on the web. Only the server can ask for it: a browser may not read other sites' pages.

const patience = 5000;
const most = 256 * 1024;

/** "" when there is none, or the page does not answer in time. */
export async function titleOf(url) {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(patience), headers: { accept: 'text/html' } });
    if (!answer.ok || !/\bhtml\b/.test(answer.headers.get('content-type') ?? '')) {
      await answer.body?.cancel();
      return '';
    }
    const found = /<title[^>]*>([^<]*)/i.exec(await beginning(answer.body));
    return unescape(found?.[1] ?? '')
      .replace(/\s+/g, ' ')
      .trim()
      .slice(0, 200);
  } catch {
    return '';
  }
}

async function beginning(body) {
  const decoder = new TextDecoder();
  let text = '';
  for await (const piece of body) {
    text += decoder.decode(piece, { stream: true });
    if (text.length > most || /<\/title/i.test(text)) break;
  }
  return text;
}

const names = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' };

function unescape(text) {
  return text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    if (name) return names[name.toLowerCase()] ?? whole;
    const code = decimal ? Number(decimal) : parseInt(hex, 16);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
