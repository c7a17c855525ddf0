/** The text of a bundled dedicated worker (see worker-plugin.mjs). */
declare module 'worker:*' {
  const source: string;
  export default source;
}
