// What a frame with an app may do. Not allow-same-origin: it shares neither origin nor storage with anyone. Not allow-popups and
// not allow-top-navigation: links out are the page's.

export const kSandbox = 'allow-scripts allow-forms allow-modals allow-downloads allow-pointer-lock';
export const kPermissions = ['fullscreen', 'clipboard-write', 'autoplay', 'gamepad']
  .map(name => `${name} *`)
  .join('; ');
