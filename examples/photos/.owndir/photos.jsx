import React, { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import { albumOf, byDate, byName, freeName, kindOf, Library, months } from './library.js';
import { Lightbox } from './lightbox.jsx';
import { Thumbnails } from './thumbnails.js';
import { Tile } from './tile.jsx';

const { owndir } = globalThis;

const useDetail = () => useSyncExternalStore(useCallback(listener => owndir.on('status', listener), []), () => owndir.status.detail);
const useMode = () => useSyncExternalStore(useCallback(listener => owndir.on('mode', listener), []), () => owndir.mode);
const useAddress = () => useSyncExternalStore(useCallback(listener => owndir.on('address', listener), []), () => owndir.address);

/** A click that the app answers itself, unless the person wants a new tab. */
const go = action => event => {
  if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  action();
};

export function Photos({ directory, home, title }) {
  const library = useMemo(() => new Library(directory), [directory.path]);
  const thumbnails = useMemo(() => new Thumbnails(library), [library]);
  useEffect(() => library.open(), [library]);
  const { ready, error, items: all } = useSyncExternalStore(library.subscribe, library.getSnapshot);
  const mode = useMode();
  const detail = useDetail();
  const query = new URLSearchParams(useAddress().query);
  const [album, shown] = [query.get('album') ?? '', query.get('photo')];
  const [order, setOrder] = useState('date');
  const { albums, items } = useMemo(
    () => albumOf(all, album, order === 'date' ? byDate : byName),
    [all, album, order],
  );
  const [adding, setAdding] = useState(null);
  /** The album is the step before in the history: closing a picture goes back to it. */
  const before = useRef(false);

  const queryOf = (album, photo) => {
    const parts = new URLSearchParams();
    if (album) parts.set('album', album);
    if (photo) parts.set('photo', photo);
    return parts.toString();
  };
  const href = (album, photo) => owndir.href(home, { query: queryOf(album, photo) });
  const open = useCallback(
    (album, photo, replace = false) => owndir.navigate(home, { query: queryOf(album, photo), replace }),
    [home],
  );

  useEffect(() => {
    const place = shown ?? album.split('/').at(-1);
    document.title = place ? `${place} · ${title}` : title;
  }, [shown, album, title]);

  const add = useCallback(
    async files => {
      const wanted = [...files].filter(file => kindOf(file.name));
      try {
        for (const [index, file] of wanted.entries()) {
          setAdding({ text: `Adding ${index + 1} of ${wanted.length}: ${file.name}` });
          const name = freeName(all, album, file.name);
          await library.node(album === '' ? name : `${album}/${name}`).write(file.stream(), { flags: 'wx' });
        }
        setAdding(wanted.length < files.length ? { text: 'What is no picture or video was left out.', over: true } : null);
      } catch (error) {
        setAdding({ text: `Not all could be added. ${error?.message ?? ''}`, over: true });
      }
    },
    [all, album, library],
  );
  useDrops(mode === 'none' ? null : add);

  const crumbs = album === '' ? [] : album.split('/');
  const picker = useRef(null);
  return (
    <div className="photos">
      <header>
        <nav aria-label="Albums">
          <a href={href('')} onClick={go(() => open(''))} aria-current={album === '' ? 'page' : undefined}>
            {title}
          </a>
          {crumbs.map((name, index) => {
            const path = crumbs.slice(0, index + 1).join('/');
            return (
              <a
                key={path}
                href={href(path)}
                onClick={go(() => open(path))}
                aria-current={path === album ? 'page' : undefined}
              >
                {name}
              </a>
            );
          })}
        </nav>
        <label>
          <span className="hidden">Order</span>
          <select value={order} onChange={event => setOrder(event.target.value)}>
            <option value="date">Newest first</option>
            <option value="name">By name</option>
          </select>
        </label>
        <button disabled={mode === 'none'} onClick={() => picker.current.click()}>
          Add…
        </button>
        <input
          ref={picker}
          type="file"
          multiple
          accept="image/*,video/*"
          hidden
          onChange={event => {
            void add(event.target.files);
            event.target.value = '';
          }}
        />
        <owndir-status></owndir-status>
      </header>
      {adding ? (
        <p className="notice" role="status">
          {adding.text}
          {adding.over ? <button onClick={() => setAdding(null)}>OK</button> : null}
        </p>
      ) : null}
      {error ? <p className="notice">{error}</p> : null}
      <main>
        {albums.length > 0 ? (
          <ul className="albums">
            {albums.map(album => (
              <li key={album.path}>
                <a href={href(album.path)} onClick={go(() => open(album.path))}>
                  <Tile item={album.items[0]} thumbnails={thumbnails} />
                  <span className="name">{album.name}</span>
                  <span className="count">{album.items.length}</span>
                </a>
              </li>
            ))}
          </ul>
        ) : null}
        {(order === 'date' ? months(items) : [{ title: '', items }]).map(({ title, items }) => (
          <section key={title}>
            {title === '' ? null : <h2>{title}</h2>}
            <ul className="grid">
              {items.map(item => (
                <li key={item.path}>
                  <a
                    href={href(album, item.name)}
                    aria-label={item.name}
                    data-photo={item.name}
                    onClick={go(() => {
                      before.current = true;
                      open(album, item.name);
                    })}
                  >
                    <Tile item={item} thumbnails={thumbnails} />
                  </a>
                </li>
              ))}
            </ul>
          </section>
        ))}
        {ready && all.length === 0 ? (
          <p className="empty">There are no pictures in this folder yet. Drop some here, or choose “Add…”.</p>
        ) : null}
        {!ready && mode !== 'none' ? <p className="empty">Looking at the folder…</p> : null}
        {mode === 'none' ? <p className="empty">{owndir.where === 'server' ? detail || 'Waiting for the server…' : 'The pictures appear when the folder is open.'}</p> : null}
      </main>
      {shown !== null ? (
        <Lightbox
          items={items}
          name={shown}
          library={library}
          thumbnails={thumbnails}
          ready={ready}
          show={name => open(album, name, true)}
          close={() => {
            if (before.current) history.back();
            else open(album, null, true);
            before.current = false;
          }}
        />
      ) : null}
    </div>
  );
}

/** Files that are dropped anywhere on the page. */
function useDrops(add) {
  useEffect(() => {
    const hasFiles = event => add && [...(event.dataTransfer?.types ?? [])].includes('Files');
    const over = event => hasFiles(event) && event.preventDefault();
    const drop = event => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      const files = [...event.dataTransfer.files];
      if (files.length > 0) void add(files);
    };
    addEventListener('dragover', over);
    addEventListener('drop', drop);
    return () => {
      removeEventListener('dragover', over);
      removeEventListener('drop', drop);
    };
  }, [add]);
}
