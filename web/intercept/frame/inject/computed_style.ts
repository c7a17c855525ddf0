// getComputedStyle with the addresses that the app's style sheets name, where the browser tells those of blobs.

export function installComputedStyle(shown: (css: string) => string): void {
  const native = globalThis.getComputedStyle;
  const known = new WeakMap<CSSStyleDeclaration, CSSStyleDeclaration>();
  const tell = (value: unknown) => (typeof value === 'string' && value.includes('blob:') ? shown(value) : value);
  const handler: ProxyHandler<CSSStyleDeclaration> = {
    get(style, name) {
      const value: unknown = Reflect.get(style, name, style);
      if (typeof value !== 'function') return tell(value);
      return (...given: unknown[]) => tell(value.apply(style, given));
    },
  };
  window.getComputedStyle = function getComputedStyle(element, pseudo) {
    const style = native.call(window, element, pseudo);
    const proxy = known.get(style) ?? new Proxy(style, handler);
    known.set(style, proxy);
    return proxy;
  };
}
