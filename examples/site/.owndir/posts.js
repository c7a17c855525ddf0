// The posts: markdown files beside this one, each with a few lines of facts before its text.
import along from './posts/along-the-river.md';
import ferry from './posts/the-last-ferry.md';
import repair from './posts/a-spoke-at-dusk.md';

function parse(slug, source) {
  const [, facts, text] = /^---\n([^]*?)\n---\n([^]*)$/.exec(source);
  const fact = Object.fromEntries(facts.split('\n').map(line => line.split(/:\s*(.*)/s, 2)));
  return { slug, text, title: fact.title, date: fact.date, summary: fact.summary, tags: fact.tags.split(/,\s*/) };
}

export const posts = [parse('along-the-river', along), parse('the-last-ferry', ferry), parse('a-spoke-at-dusk', repair)].sort(
  (a, b) => (a.date < b.date ? 1 : -1),
);

export const tags = [...new Set(posts.flatMap(post => post.tags))].sort();
