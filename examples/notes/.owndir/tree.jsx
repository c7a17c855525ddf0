import React, { useEffect, useMemo, useRef, useState } from 'react';
import { fileNameOf, rowsOf, titleOf } from './library.js';
import { go, report, useDetail } from './ui.js';

const { owndir } = globalThis;

export function Tree({ tree, ready, mode, error, current, closed, setClosed, href, open, create, filter }) {
  const [wanted, setWanted] = useState('');
  const detail = useDetail();
  const closedSet = useMemo(() => new Set(closed), [closed]);
  const rows = useMemo(() => rowsOf(tree, { closed: closedSet, filter: wanted }), [tree, closedSet, wanted]);
  const [focused, setFocused] = useState('');
  const list = useRef(null);
  const active = rows.some(row => row.path === focused) ? focused : (rows.find(row => row.path === current) ?? rows[0])?.path;
  const isNew = wanted.trim() !== '' && !tree.notes.some(({ path }) => path === fileNameOf(wanted));

  const focus = path => {
    setFocused(path);
    const item = [...(list.current?.children ?? [])].find(element => element.dataset.path === path);
    item?.querySelector('a, button')?.focus();
  };
  const toggle = ({ path, open: isOpen }, to = !isOpen) =>
    setClosed(to ? closed.filter(other => other !== path) : [...closed.filter(other => other !== path), path]);

  const onKeyDown = event => {
    const at = rows.findIndex(row => row.path === active);
    const row = rows[at];
    if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[event.key];
    if (to !== undefined && rows[to]) focus(rows[to].path);
    else if (event.key === 'ArrowRight' && row.kind === 'folder' && !row.open) toggle(row, true);
    else if (event.key === 'ArrowRight' && row.kind === 'folder' && rows[at + 1]) focus(rows[at + 1].path);
    else if (event.key === 'ArrowLeft' && row.kind === 'folder' && row.open) toggle(row, false);
    else if (event.key === 'ArrowLeft' && row.path.includes('/')) focus(row.path.slice(0, row.path.lastIndexOf('/')));
    else if (to === undefined) return;
    event.preventDefault();
  };

  useEffect(() => {
    if (current !== '') setFocused(current);
  }, [current]);

  const onFind = event => {
    const first = rows.find(row => row.kind === 'note');
    if (event.key === 'Enter' && event.shiftKey && isNew) add();
    else if (event.key === 'Enter' && first) open(first.path);
    else if (event.key === 'Enter' && isNew) add();
    else if (event.key === 'ArrowDown' && rows[0]) focus(rows[0].path);
    else if (event.key === 'Escape' && wanted !== '') setWanted('');
    else return;
    event.preventDefault();
  };
  const add = () => void create(wanted).then(() => setWanted(''), report);

  return (
    <>
      <div className="find">
        <input
          ref={filter}
          type="search"
          placeholder="Find or create…"
          aria-label="Find a note, or type the name of a new one"
          value={wanted}
          onChange={event => setWanted(event.target.value)}
          onKeyDown={onFind}
        />
        <button title="New note (Alt+N)" aria-label="New note" disabled={mode === 'none'} onClick={() => void create().catch(report)}>
          +
        </button>
      </div>
      {error ? <p className="notice">{error}</p> : null}
      <ul className="tree" role="tree" aria-label="Notes" ref={list} onKeyDown={onKeyDown}>
        {rows.map(row => (
          <li
            key={row.path}
            role="none"
            data-path={row.path}
            style={{ '--depth': row.depth }}
            className={row.kind}
          >
            {row.kind === 'folder' ? (
              <button
                role="treeitem"
                aria-expanded={row.open}
                aria-level={row.depth + 1}
                tabIndex={row.path === active ? 0 : -1}
                onFocus={() => setFocused(row.path)}
                onClick={() => toggle(row)}
              >
                {row.name}
              </button>
            ) : (
              <a
                role="treeitem"
                href={href(row.path)}
                aria-current={row.path === current ? 'page' : undefined}
                aria-selected={row.path === current}
                aria-level={row.depth + 1}
                tabIndex={row.path === active ? 0 : -1}
                onFocus={() => setFocused(row.path)}
                onClick={go(() => open(row.path))}
              >
                {titleOf(row.path)}
              </a>
            )}
          </li>
        ))}
      </ul>
      {isNew && mode !== 'none' ? (
        <button className="create" onClick={add}>
          Create “{wanted.trim()}”
        </button>
      ) : null}
      {!ready && mode !== 'none' ? <p className="quiet">Looking at the folder…</p> : null}
      {mode === 'none' ? <p className="quiet">{owndir.where === 'server' ? detail || 'Waiting for the server…' : 'The notes appear when the folder is open.'}</p> : null}
      {ready && rows.length === 0 && wanted !== '' ? <p className="quiet">No note is called so.</p> : null}
    </>
  );
}
