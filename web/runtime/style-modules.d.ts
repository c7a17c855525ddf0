/** The bundled text of a style sheet (bundle.mjs). */
declare module 'style:*' {
  const text: string;
  export default text;
}
