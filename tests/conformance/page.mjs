// Entry of the script that the page under test loads: window.conformance.run(NAME) runs one case there.
import { cases } from './cases/index.mjs';
import { Helper } from './helper.mjs';

globalThis.conformance = {
  names: cases.map(({ name }) => name),
  async run(name, unique) {
    const found = cases.find((each) => each.name === name);
    if (!found) return { error: `the page knows no case "${name}"` };
    const helper = new Helper(`${unique}-${cases.indexOf(found)}`);
    try {
      const value = await found.run(helper);
      if (value === undefined) return { error: 'the case returned nothing' };
      return { value: JSON.parse(JSON.stringify(value)) };
    } catch (error) {
      return { error: `${error?.name}: ${error?.message}`, stack: String(error?.stack ?? '').split('\n').slice(0, 6).join('\n') };
    } finally {
      helper.end();
    }
  },
};
