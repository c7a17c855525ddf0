globalThis.conformanceOrder.push(new URL(document.currentScript.src).search);
