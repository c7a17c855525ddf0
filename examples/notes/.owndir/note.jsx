import React, { useCallback, useDeferredValue, useEffect, useLayoutEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import { Draft } from './draft.js';
import { fileNameOf, titleOf } from './library.js';
import { Markdown } from './markdown.jsx';
import { withTask } from './tasks.js';
import { go, report } from './ui.js';

const kStates = {
  loading: 'Opening…',
  clean: 'Saved',
  dirty: 'Not saved yet',
  saving: 'Saving…',
  conflict: 'Changed elsewhere',
  failed: 'Not saved',
  gone: 'Deleted',
  missing: '',
};

export function Note({ path, library, mode, view, setView, fresh, href, open }) {
  const draft = useMemo(() => new Draft(library.node(path)), [library, path]);
  const { state, text, theirs, error, arrived } = useSyncExternalStore(draft.subscribe, draft.getSnapshot);
  // The preview of a long note may come a moment after its keys.
  const later = useDeferredValue(text);
  const shown = text.length > 20_000 ? later : text;
  const area = useRef(null);
  const renamed = useRef(false);
  const canWrite = mode !== 'none' && state !== 'loading' && state !== 'missing';

  useEffect(() => {
    void draft.load();
    const off = library.onFile((event, changed) => {
      if (changed !== path || renamed.current) return;
      if (event === 'unlink') draft.hearGone();
      else if (draft.snapshot.state === 'missing') void draft.load();
      else void draft.hearChange();
    });
    const onHide = () => document.visibilityState === 'hidden' && void draft.save();
    const onUnload = event => draft.isDirty && draft.snapshot.state !== 'gone' && event.preventDefault();
    document.addEventListener('visibilitychange', onHide);
    addEventListener('beforeunload', onUnload);
    return () => {
      off();
      document.removeEventListener('visibilitychange', onHide);
      removeEventListener('beforeunload', onUnload);
      if (!renamed.current) void draft.close();
    };
  }, [draft, library, path]);

  useEffect(() => {
    if (mode !== 'none') draft.retry();
  }, [draft, mode]);

  useEffect(() => {
    const onKey = event => {
      const command = event.ctrlKey || event.metaKey;
      if (command && event.key === 's') void draft.save();
      else if (command && event.key === 'e') setView(view === 'read' ? 'both' : 'read');
      else return;
      event.preventDefault();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [draft, setView, view]);

  useEffect(() => {
    if (fresh && state === 'clean') area.current?.focus();
  }, [fresh, state === 'clean']);

  useSteadyCursor(area, text, arrived);

  const rename = async title => {
    const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/') + 1) : '';
    const name = fileNameOf(title.includes('/') ? title : folder + title);
    if (name === '' || name === path) return;
    if (library.has(name)) return report(new Error(`There is a note called “${titleOf(name)}” already.`));
    await draft.save();
    renamed.current = true;
    try {
      await library.node(path).move(`${name.startsWith('/') ? '' : `${library.directory.absolutePath.replace(/\/$/, '')}/`}${name}`);
      open(name, true);
    } catch (error) {
      renamed.current = false;
      report(error);
    }
  };

  const remove = async () => {
    if (!confirm(`Delete “${titleOf(path)}”?`)) return;
    renamed.current = true;
    try {
      await library.node(path).delete();
      open('', true);
    } catch (error) {
      renamed.current = false;
      report(error);
    }
  };

  const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
  const link = useCallback(
    (target, children) => {
      const to = resolve(folder, target);
      const known = library.has(to) ? to : library.has(`${to}.md`) ? `${to}.md` : null;
      if (known === null) return <span title={`There is no ${to}`}>{children}</span>;
      return (
        <a href={href(known)} onClick={go(() => open(known))}>
          {children}
        </a>
      );
    },
    [folder, library, href, open],
  );
  const image = useCallback(
    (target, alt) => <Picture library={library} path={resolve(folder, target)} alt={alt} />,
    [folder, library],
  );
  const onTask = useCallback((n, done) => draft.edit(withTask(draft.snapshot.text, n, done)), [draft]);

  return (
    <main className="note" data-state={state}>
      <header>
        <a className="back" href={href('')} onClick={go(() => open(''))} aria-label="All notes">
          ‹
        </a>
        <Title key={path} title={titleOf(path)} rename={rename} disabled={!canWrite} />
        <span className="saved" role="status">
          {kStates[state]}
        </span>
        <div className="views" role="group" aria-label="View">
          {[
            ['edit', 'Edit'],
            ['both', 'Both'],
            ['read', 'Read'],
          ].map(([name, label]) => (
            <button key={name} data-view={name} aria-pressed={view === name} onClick={() => setView(name)}>
              {label}
            </button>
          ))}
        </div>
        <button className="delete" title="Delete this note" aria-label="Delete this note" disabled={!canWrite} onClick={() => void remove()}>
          <svg viewBox="0 0 20 20" aria-hidden="true">
            <path d="M4 6h12M8 6V4h4v2M6 6l.7 10h6.6L14 6M8.5 9v4.5M11.5 9v4.5" />
          </svg>
        </button>
      </header>
      {state === 'conflict' ? (
        <section className="notice" role="alert">
          <p>This note was changed elsewhere while you were writing. Your text is on the left, nothing is lost yet.</p>
          <button onClick={() => draft.resolve('mine')}>Keep mine</button>
          <button onClick={() => draft.resolve('theirs')}>Take the other</button>
          <details>
            <summary>Show the other</summary>
            <pre>{theirs}</pre>
          </details>
        </section>
      ) : null}
      {state === 'failed' ? (
        <section className="notice" role="alert">
          <p>
            {draft.isDirty ? 'This note is not saved yet; it is tried again. ' : 'This note cannot be read now. '}
            {error}
          </p>
        </section>
      ) : null}
      {state === 'gone' ? (
        <section className="notice" role="alert">
          <p>This note was deleted elsewhere. Change something, and it is written again.</p>
        </section>
      ) : null}
      {state === 'missing' ? (
        <section className="notice">
          <p>There is no note called “{path}”, or it has not arrived yet.</p>
        </section>
      ) : null}
      <div className="panes" hidden={state === 'missing' || state === 'loading'}>
        <textarea
          ref={area}
          className="editor"
          aria-label="Text of the note"
          value={text}
          readOnly={!canWrite}
          spellCheck="true"
          onChange={event => draft.edit(event.target.value)}
          onBlur={() => void draft.save()}
          onKeyDown={event => indent(event, value => draft.edit(value))}
        />
        <article className="preview" aria-label="Preview">
          <Markdown text={shown} link={link} image={image} onTask={canWrite ? onTask : undefined} />
        </article>
      </div>
    </main>
  );
}

function Title({ title, rename, disabled }) {
  const [value, setValue] = useState(title);
  const finish = () => (value.trim() === '' ? setValue(title) : void rename(value.trim()));
  return (
    <input
      className="title"
      aria-label="Name of the note"
      value={value}
      readOnly={disabled}
      onChange={event => setValue(event.target.value)}
      onBlur={finish}
      onKeyDown={event => {
        if (event.key === 'Enter') event.target.blur();
        if (event.key === 'Escape') setValue(title);
      }}
    />
  );
}

/** Text that arrives from elsewhere moves the cursor only as far as what is before it has grown. */
function useSteadyCursor(area, text, arrived) {
  const before = useRef({ text, arrived, start: 0, end: 0 });
  useLayoutEffect(() => {
    const element = area.current;
    if (!element) return;
    const last = before.current;
    if (arrived !== last.arrived && document.activeElement === element) {
      let same = 0;
      while (same < last.text.length && last.text[same] === text[same]) same += 1;
      const moved = at => (at <= same ? at : Math.max(same, at + text.length - last.text.length));
      element.setSelectionRange(moved(last.start), moved(last.end));
    }
    before.current = { text, arrived, start: element.selectionStart, end: element.selectionEnd };
  });
  useEffect(() => {
    const remember = () => {
      const element = area.current;
      if (element && document.activeElement === element)
        Object.assign(before.current, { start: element.selectionStart, end: element.selectionEnd });
    };
    document.addEventListener('selectionchange', remember);
    return () => document.removeEventListener('selectionchange', remember);
  }, [area]);
}

/** A new line of a list begins as the one before; Tab stays the key that leaves the field. */
function indent(event, edit) {
  if (event.key !== 'Enter' || event.shiftKey || event.ctrlKey || event.metaKey || event.nativeEvent.isComposing) return;
  const { selectionStart: at, selectionEnd, value } = event.target;
  const line = value.slice(value.lastIndexOf('\n', at - 1) + 1, at);
  const [whole, space, mark] = /^(\s*)([-*+] (?:\[[ xX]\] )?|\d+[.)] )/.exec(line) ?? [];
  if (!whole || at !== selectionEnd) return;
  event.preventDefault();
  const next = mark.replace(/\d+/, n => String(Number(n) + 1)).replace(/\[[xX]\]/, '[ ]');
  const [from, insert] = line === whole ? [at - whole.length, ''] : [at, `\n${space}${next}`];
  const changed = value.slice(0, from) + insert + value.slice(at);
  const cursor = from + insert.length;
  edit(changed);
  const { target } = event;
  requestAnimationFrame(() => target.setSelectionRange(cursor, cursor));
}

function Picture({ library, path, alt }) {
  const [url, setUrl] = useState(null);
  useEffect(() => {
    let made = null;
    let gone = false;
    const node = library.node(path);
    const show = async () => {
      const info = await node.info();
      if (!info?.isFile || !info.mime?.startsWith('image/') || info.size > 30e6) return;
      const bytes = await node.readAll();
      if (gone) return;
      made = URL.createObjectURL(new Blob([bytes], { type: info.mime }));
      setUrl(made);
    };
    show().catch(() => setUrl(null));
    return () => {
      gone = true;
      if (made) URL.revokeObjectURL(made);
    };
  }, [library, path]);
  return url ? <img src={url} alt={alt} /> : <span className="no-picture">{alt || path}</span>;
}

/** A link of a note, as a path from the notes' folder. */
function resolve(folder, target) {
  let path = target.replace(/[?#].*$/, '');
  try {
    path = decodeURIComponent(path);
  } catch {
    // A name with a per cent sign in it.
  }
  const out = [];
  for (const name of (path.startsWith('/') ? path : `${folder}/${path}`).split('/')) {
    if (name === '..') out.pop();
    else if (name !== '' && name !== '.') out.push(name);
  }
  return out.join('/');
}
