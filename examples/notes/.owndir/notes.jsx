import React, { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import { fileNameOf, Library, titleOf } from './library.js';
import { Note } from './note.jsx';
import { Tree } from './tree.jsx';
import { go, isTyping, report, useAddress, useKept, useMode } from './ui.js';

const { owndir } = globalThis;
const noteOf = query => new URLSearchParams(query).get('note') ?? '';

export function Notes({ directory, home, title }) {
  const library = useMemo(() => new Library(directory), [directory.path]);
  useEffect(() => library.open(), [library]);
  const { ready, error, notes, folders } = useSyncExternalStore(library.subscribe, library.getSnapshot);
  const mode = useMode();
  const address = useAddress();
  const path = noteOf(address.query);
  const [view, setView] = useKept('notes.view', 'both');
  const [closed, setClosed] = useKept('notes.closed', []);
  const filter = useRef(null);
  const [fresh, setFresh] = useState('');

  const query = path => (path === '' ? '' : `?note=${encodeURIComponent(path)}`);
  const href = useCallback(path => owndir.href(home, { query: query(path) }), [home]);
  const open = useCallback((path, replace = false) => owndir.navigate(home, { query: query(path), replace }), [home]);

  const create = useCallback(
    async (title = '') => {
      const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/') + 1) : '';
      let name = fileNameOf(title) || `${folder}Untitled.md`;
      for (let n = 2; library.has(name); n += 1) name = fileNameOf(title || `${folder}Untitled`).replace(/(\.\w+)$/, ` ${n}$1`);
      const node = library.node(name);
      if (name.includes('/')) await node.parent.makeDir();
      await node.write('', { flags: 'wx' });
      setFresh(name);
      open(name);
    },
    [library, open, path],
  );

  useEffect(() => {
    const onKey = event => {
      const command = event.ctrlKey || event.metaKey;
      if ((command && event.key === 'k') || (event.key === '/' && !isTyping(event))) filter.current?.focus();
      else if (event.altKey && event.code === 'KeyN') void create().catch(report);
      else return;
      event.preventDefault();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [create]);

  useEffect(() => {
    document.title = path === '' ? title : `${titleOf(path)} · ${title}`;
  }, [path, title]);

  const tree = useMemo(() => ({ notes, folders }), [notes, folders]);
  return (
    <div className="notes" data-open={path !== ''} data-view={view}>
      <aside className="side" aria-label="Notes">
        <header>
          <h1>
            <a href={href('')} onClick={go(() => open(''))}>
              {title}
            </a>
          </h1>
          <owndir-status></owndir-status>
        </header>
        <Tree
          tree={tree}
          ready={ready}
          mode={mode}
          error={error}
          current={path}
          closed={closed}
          setClosed={setClosed}
          href={href}
          open={open}
          create={create}
          filter={filter}
        />
      </aside>
      {path === '' ? (
        <main className="empty">
          <p>
            {notes.length === 0 && ready
              ? 'There is no note in this folder yet.'
              : 'Choose a note, or write a new one.'}
          </p>
          <button className="primary" onClick={() => void create().catch(report)} disabled={mode === 'none'}>
            New note
          </button>
          <p className="keys">
            <kbd>Alt</kbd>+<kbd>N</kbd> new · <kbd>/</kbd> find · <kbd>Ctrl</kbd>+<kbd>E</kbd> edit or read
          </p>
        </main>
      ) : (
        <Note
          key={path}
          path={path}
          library={library}
          mode={mode}
          view={view}
          setView={setView}
          fresh={fresh === path}
          href={href}
          open={open}
        />
      )}
    </div>
  );
}
