export const where = import.meta.url;
export const beside = import.meta.resolve('./a.js');
export const readBeside = async () => (await fetch(new URL('../data.json', import.meta.url))).json();
