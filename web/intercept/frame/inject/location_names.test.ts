import { describe, expect, it } from 'vitest';
import { locationEdits } from './location_names.ts';
import { classicText, fragmentText, moduleText } from './script_text.ts';

const after = (source: string) => fragmentText(source).replaceAll('owndir$location', 'L');

describe('the other name of location', () => {
  it.each([
    ['location.href', 'L.href'],
    ['window.location = "x"', 'window.L = "x"'],
    ['e?.location', 'e?.L'],
    ['a ? location : b', 'a ? L : b'],
    ['a ? b : location', 'a ? b : L'],
    ['({location: 1})', '({location: 1})'],
    ['({a, location})', '({a, location: L})'],
    ['({location() {}, get location() { return location }})', '({location() {}, get location() { return L }})'],
    ['const {location} = props; location.x', 'const {location: L} = props; L.x'],
    ['const {location = location2, b} = p', 'const {location: L = location2, b} = p'],
    ['f(a, location, b)', 'f(a, L, b)'],
    ['function f(location, {location: x}) { return [location, x] }', 'function f(L, {location: x}) { return [L, x] }'],
    ['var a, location, b;', 'var a, L, b;'],
    ['if (x) { a, location, b }', 'if (x) { a, L, b }'],
    [
      'class A { location = 1; location() {} static location; #location; m() { return location } }',
      'class A { location = 1; location() {} static location; #location; m() { return L } }',
    ],
    [
      '"location" + \'location\' + `location${location}${`${location}`}location`',
      '"location" + \'location\' + `location${L}${`${L}`}location`',
    ],
    ['// location\n/* location */location', '// location\n/* location */L'],
    ['x = /location/g; y = a / location / 2', 'x = /location/g; y = a / L / 2'],
    ['if (a) /location"/.test(location)', 'if (a) /location"/.test(L)'],
    ['return /[/"]location/.test(b)', 'return /[/"]location/.test(b)'],
    [
      'switch (x) { case 1: { location; break } default: { location } }',
      'switch (x) { case 1: { L; break } default: { L } }',
    ],
    ['x => ({location})', 'x => ({location: L})'],
    ['x => { location }', 'x => { L }'],
    ['() => location.reload()', '() => L.reload()'],
    ['[...location]', '[...L]'],
    ['`${ {a: {location}} }`', '`${ {a: {location: L}} }`'],
    ['import {location} from "x"; location', 'import {location as L} from "x"; L'],
    ['import a, {location as b, c as location} from "x"', 'import a, {location as b, c as L} from "x"'],
    ['export {location, location as b, c as location}', 'export {L as location, L as b, c as location}'],
    ['export {location} from "x"', 'export {location} from "x"'],
    ['export default {location}', 'export default {location: L}'],
    ['mylocation.location_ = locations', 'mylocation.location_ = locations'],
    ['}) location', '}) location'],
    ['i++ / location / 1', 'i++ / L / 1'],
  ])('of %s', (source, wanted) => {
    expect(after(source)).toBe(wanted);
  });

  it('is not put into what cannot be followed, except where it is sure', () => {
    expect(locationEdits('"never ends')).toBeNull();
    expect(after('window.location; x = "never ends')).toBe('window.L; x = "never ends');
  });

  it('takes time in proportion to the text', () => {
    const piece =
      'function f(a){if(a){return{location:a.location,b:`x${a}y`}}return/x/.test(a)?location:[1,{c:"}"}]}\n';
    const edits = locationEdits(piece.repeat(20_000));
    expect(edits).toHaveLength(40_000);
  });
});

describe('imports in scripts', () => {
  const base = 'https://a.owndir.invalid/js/m.js';
  const resolve = (specifier: string) => (/^[./]/.test(specifier) ? new URL(specifier, base).href : null);

  it('of modules become absolute', () => {
    const source = 'import a from "./a.js"; import "b"; export * from \'../c.js\'; import("./" + d); import.meta.url';
    expect(moduleText(source, base, resolve)).toEqual({
      text: `import a from "https://a.owndir.invalid/js/a.js"; import "b"; export * from 'https://a.owndir.invalid/c.js'; owndir$import("${base}", "./" + d); owndir$meta("${base}").url`.replace(
        ', "./"',
        ',"./"',
      ),
      imports: ['https://a.owndir.invalid/js/a.js', 'https://a.owndir.invalid/c.js'],
    });
  });

  it('of classic scripts are led to us', () => {
    expect(classicText('import("./x.js").then(m => location)', base)).toBe(
      `owndir$import("${base}","./x.js").then(m => owndir$location)`,
    );
  });
});
