const data = await (await fetch('/site/data.json')).json();
export const waited = `read: ${data.kept}`;
