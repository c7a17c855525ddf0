// The document that an app's frame begins with: nothing but the script that asks for the app's own.

export function loaderOf(source: string): string {
  const safe = source.replaceAll('</script', '<\\/script').replaceAll('<!--', '<\\!--');
  return `<!doctype html><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="require-trusted-types-for 'script'"><script>${safe}</script>`;
}
