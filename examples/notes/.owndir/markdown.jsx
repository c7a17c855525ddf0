// Markdown as React elements. Nothing of a note is ever parsed as HTML: whatever arrives by the sync is shown, never run.
import React from 'react';
import { lexer } from 'marked';

const safeLink = href => (/^(https?:|mailto:|tel:)/i.test(href) ? href : null);

/** `link(href, props, children)` and `image(href, alt)` make what leads into the folder; `onTask(n, done)` ticks a box. */
export const Markdown = React.memo(function Markdown({ text, link, image, onTask }) {
  const tokens = React.useMemo(() => lexer(text, { gfm: true }), [text]);
  const context = { link, image, onTask, task: 0 };
  return <div className="markdown">{blocks(tokens, context)}</div>;
});

const blocks = (tokens, context) => (tokens ?? []).map((token, index) => block(token, index, context));
const inlines = (tokens, context) => (tokens ?? []).map((token, index) => inline(token, index, context));

function block(token, key, context) {
  switch (token.type) {
    case 'space':
    case 'def':
      return null;
    case 'heading': {
      const Heading = `h${token.depth}`;
      return <Heading key={key}>{inlines(token.tokens, context)}</Heading>;
    }
    case 'paragraph':
      return <p key={key}>{inlines(token.tokens, context)}</p>;
    case 'text':
      return <React.Fragment key={key}>{token.tokens ? inlines(token.tokens, context) : token.text}</React.Fragment>;
    case 'code':
      return (
        <pre key={key}>
          <code>{token.text}</code>
        </pre>
      );
    case 'blockquote':
      return <blockquote key={key}>{blocks(token.tokens, context)}</blockquote>;
    case 'hr':
      return <hr key={key} />;
    case 'list':
      return list(token, key, context);
    case 'table':
      return table(token, key, context);
    default:
      return <p key={key}>{token.raw}</p>;
  }
}

function list(token, key, context) {
  const List = token.ordered ? 'ol' : 'ul';
  const start = token.ordered && token.start !== 1 ? token.start : undefined;
  return (
    <List key={key} start={start}>
      {token.items.map((item, index) => (
        <li key={index} className={item.task ? 'task' : undefined}>
          {item.task ? <Box item={item} context={context} number={context.task++} /> : null}
          {blocks(item.tokens, context)}
        </li>
      ))}
    </List>
  );
}

function Box({ item, number, context: { onTask } }) {
  const label = item.text.split('\n')[0];
  return (
    <input
      type="checkbox"
      aria-label={label}
      checked={item.checked}
      disabled={!onTask}
      onChange={event => onTask?.(number, event.target.checked)}
    />
  );
}

function table(token, key, context) {
  const cell = (Cell, { tokens }, index) => (
    <Cell key={index} style={{ textAlign: token.align[index] ?? undefined }}>
      {inlines(tokens, context)}
    </Cell>
  );
  return (
    <div key={key} className="table" tabIndex={0} role="region" aria-label="Table">
      <table>
        <thead>
          <tr>{token.header.map((each, index) => cell('th', each, index))}</tr>
        </thead>
        <tbody>
          {token.rows.map((row, index) => (
            <tr key={index}>{row.map((each, column) => cell('td', each, column))}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function inline(token, key, context) {
  switch (token.type) {
    case 'strong':
      return <strong key={key}>{inlines(token.tokens, context)}</strong>;
    case 'em':
      return <em key={key}>{inlines(token.tokens, context)}</em>;
    case 'del':
      return <del key={key}>{inlines(token.tokens, context)}</del>;
    case 'codespan':
      return <code key={key}>{token.text}</code>;
    case 'br':
      return <br key={key} />;
    case 'image':
      return <React.Fragment key={key}>{context.image(token.href, token.text)}</React.Fragment>;
    case 'link': {
      const children = inlines(token.tokens, context);
      const away = safeLink(token.href);
      return away ? (
        <a key={key} href={away} target="_blank" rel="noreferrer noopener">
          {children}
        </a>
      ) : (
        <React.Fragment key={key}>{context.link(token.href, children)}</React.Fragment>
      );
    }
    case 'text':
    case 'escape':
      return <React.Fragment key={key}>{token.tokens ? inlines(token.tokens, context) : unescape(token.text)}</React.Fragment>;
    default:
      return <React.Fragment key={key}>{token.raw}</React.Fragment>;
  }
}

const kEntities = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'", nbsp: '\u00a0', copy: '©', mdash: '—', ndash: '–', hellip: '…' };
const unescape = text => text.replace(/&(#39|\w+);/g, (entity, name) => kEntities[name] ?? entity);
