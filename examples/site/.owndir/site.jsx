import React, { useState } from 'react';
import { marked } from 'marked';
import { posts, tags } from './posts.js';

const dayOf = date => new Date(`${date}T12:00:00Z`).toLocaleDateString('en-GB', { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' });

/** `at`: the page's own directory, from the site's. Links are relative and name the file, so that they work from disk too. */
export function Site({ title, at }) {
  const up = '../'.repeat(at === '' ? 0 : at.split('/').length);
  const to = place => `${up}${place === '' ? '' : `${place}/`}index.html`;
  const post = posts.find(({ slug }) => at === `posts/${slug}`);
  return (
    <div className="site">
      <header>
        <a className="home" href={to('')}>
          {title}
        </a>
        <nav aria-label="Pages">
          <a href={to('')} aria-current={at === '' ? 'page' : undefined}>
            Journal
          </a>
          <a href={to('about')} aria-current={at === 'about' ? 'page' : undefined}>
            About
          </a>
        </nav>
      </header>
      <main>{at === '' ? <Journal to={to} /> : at === 'about' ? <About /> : post ? <Post post={post} to={to} /> : <Missing to={to} />}</main>
      <footer>
        <a href={`${up}feed.xml`}>Feed</a>
      </footer>
    </div>
  );
}

function Journal({ to }) {
  const [chosen, setChosen] = useState(null);
  const shown = posts.filter(post => chosen === null || post.tags.includes(chosen));
  return (
    <>
      <div className="tags" role="group" aria-label="Only posts about">
        {tags.map(tag => (
          <button key={tag} aria-pressed={chosen === tag} onClick={() => setChosen(chosen === tag ? null : tag)}>
            {tag}
          </button>
        ))}
      </div>
      <ol className="posts">
        {shown.map(({ slug, title, date, summary }) => (
          <li key={slug}>
            <time dateTime={date}>{dayOf(date)}</time>
            <h2>
              <a href={to(`posts/${slug}`)}>{title}</a>
            </h2>
            <p>{summary}</p>
          </li>
        ))}
      </ol>
    </>
  );
}

function Post({ post, to }) {
  const at = posts.indexOf(post);
  const [newer, older] = [posts[at - 1], posts[at + 1]];
  return (
    <article>
      <time dateTime={post.date}>{dayOf(post.date)}</time>
      <h1>{post.title}</h1>
      {/* The text is part of this module's own code, as trusted as the rest of it. */}
      <div className="text" dangerouslySetInnerHTML={{ __html: marked.parse(post.text) }} />
      <nav className="more" aria-label="More posts">
        {older ? <a href={to(`posts/${older.slug}`)}>←{'\u00a0'}{older.title}</a> : <span />}
        {newer ? <a href={to(`posts/${newer.slug}`)}>{newer.title}{'\u00a0'}→</a> : null}
      </nav>
    </article>
  );
}

const About = () => (
  <article>
    <h1>About</h1>
    <p>Two people, two bicycles, no schedule. What is written here was written on the way, mostly at the edge of a road.</p>
  </article>
);

const Missing = ({ to }) => (
  <article>
    <h1>Nothing here</h1>
    <p>
      This page does not exist. <a href={to('')}>The journal</a> does.
    </p>
  </article>
);
