globalThis.aValueThatAScriptSets = 'set';
