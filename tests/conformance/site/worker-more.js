globalThis.imported = 'by importScripts';
