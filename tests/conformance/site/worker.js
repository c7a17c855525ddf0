importScripts('worker-more.js');
onmessage = async ({ data }) => {
  const response = await fetch(data.ask);
  postMessage({ text: await response.text(), search: location.search, imported: globalThis.imported });
};
