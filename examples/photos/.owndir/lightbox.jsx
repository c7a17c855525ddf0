import React, { useEffect, useLayoutEffect, useRef, useState } from 'react';

const kSwipe = 60;

/** One picture or video over all of the page; keys, clicks and swipes lead on. */
export function Lightbox({ items, name, library, thumbnails, ready, show, close }) {
  const at = items.findIndex(item => item.name === name);
  const item = items[at];
  const dialog = useRef(null);
  const touch = useRef(null);
  const [wide, setWide] = useState(false);

  useLayoutEffect(() => {
    dialog.current.showModal();
    dialog.current.focus();
  }, []);

  useEffect(() => {
    if (ready && items.length > 0 && !item) close();
  }, [ready, items.length, item]);

  const step = by => {
    const next = items[at + by];
    if (at >= 0 && next) show(next.name);
  };
  const remove = async () => {
    if (!item || !confirm(`Delete “${item.name}”?`)) return;
    const next = items[at + 1] ?? items[at - 1];
    try {
      await library.node(item.path).delete();
      if (!dialog.current) return; // closed meanwhile
      if (next) show(next.name);
      else close();
    } catch (error) {
      alert(error?.message ?? String(error));
    }
  };

  const onKeyDown = event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const actions = {
      ArrowRight: () => step(1),
      ArrowLeft: () => step(-1),
      PageDown: () => step(1),
      PageUp: () => step(-1),
      Home: () => items[0] && show(items[0].name),
      End: () => items.at(-1) && show(items.at(-1).name),
      Delete: () => void remove(),
      f: () => void (document.fullscreenElement ? document.exitFullscreen() : dialog.current.requestFullscreen()),
      z: () => setWide(!wide),
    };
    const action = actions[event.key];
    if (!action || (event.target instanceof HTMLVideoElement && event.key.startsWith('Arrow') && event.shiftKey)) return;
    event.preventDefault();
    action();
  };

  return (
    <dialog
      ref={dialog}
      className="lightbox"
      tabIndex={-1}
      aria-label={name}
      onKeyDown={onKeyDown}
      onCancel={event => {
        event.preventDefault();
        close();
      }}
      onPointerDown={event => (touch.current = event.pointerType === 'touch' ? event.clientX : null)}
      onPointerUp={event => {
        if (touch.current === null || wide) return;
        const moved = event.clientX - touch.current;
        touch.current = null;
        if (Math.abs(moved) > kSwipe) step(moved < 0 ? 1 : -1);
      }}
    >
      <header>
        <span className="name">{name}</span>
        <span className="count">{at >= 0 ? `${at + 1} of ${items.length}` : ''}</span>
        {item ? <Save item={item} library={library} /> : null}
        <button aria-label="Delete" title="Delete (Del)" onClick={() => void remove()} disabled={!item}>
          <Icon path="M4 6h12M8 6V4h4v2M6 6l.7 10h6.6L14 6M8.5 9v4.5M11.5 9v4.5" />
        </button>
        <button aria-label="Close" title="Close (Esc)" onClick={close}>
          <Icon path="M5 5l10 10M15 5l-10 10" />
        </button>
      </header>
      {item ? (
        <Media key={item.version} item={item} library={library} thumbnails={thumbnails} wide={wide} toggle={() => setWide(!wide)} />
      ) : null}
      <button className="previous" aria-label="Previous" title="Previous (←)" disabled={at <= 0} onClick={() => step(-1)}>
        <Icon path="M12 4.5l-5.5 5.5 5.5 5.5" />
      </button>
      <button className="next" aria-label="Next" title="Next (→)" disabled={at < 0 || at >= items.length - 1} onClick={() => step(1)}>
        <Icon path="M8 4.5l5.5 5.5-5.5 5.5" />
      </button>
    </dialog>
  );
}

const Icon = ({ path }) => (
  <svg viewBox="0 0 20 20" aria-hidden="true">
    <path d={path} />
  </svg>
);

function Media({ item, library, thumbnails, wide, toggle }) {
  const [small, setSmall] = useState(null);
  const { url, done, error } = useWhole(item, library);
  useEffect(() => thumbnails.want(item, setSmall), [item.version]);
  if (error) return <p className="problem">{error}</p>;
  const part = url || item.size === 0 ? null : done / item.size;
  return (
    <div className="media" data-wide={wide}>
      {item.kind === 'video' ? (
        url ? (
          <video src={url} poster={small ?? undefined} controls autoPlay loop playsInline />
        ) : (
          small && <img src={small} alt="" className="small" />
        )
      ) : (
        (url || small) && <img src={url ?? small} alt={item.name} className={url ? undefined : 'small'} onDoubleClick={toggle} />
      )}
      {part === null ? null : <progress value={part} aria-label="Loading" />}
    </div>
  );
}

const kMaxBytes = 1.5e9;

/** The whole file as something that an element can show: the server's own address, or what was read of it so far. */
function useWhole(item, library) {
  const [state, setState] = useState({ url: library.url(item.path), done: 0, error: null });
  useEffect(() => {
    if (state.url) return;
    if (item.size > kMaxBytes) return setState({ url: null, done: 0, error: 'This is too large to be shown here; save it instead.' });
    let made = null;
    const stop = new AbortController();
    const load = async () => {
      const stream = await library.node(item.path).read(undefined, undefined, { signal: stop.signal });
      let done = 0;
      let told = 0;
      const counted = stream.pipeThrough(
        new TransformStream({
          transform(chunk, controller) {
            done += chunk.length;
            if (done - told > item.size / 50) setState({ url: null, done: (told = done), error: null });
            controller.enqueue(chunk);
          },
        }),
      );
      const type = item.mime ?? (item.kind === 'video' ? 'video/mp4' : '');
      const blob = await new Response(counted, { headers: { 'content-type': type } }).blob();
      if (stop.signal.aborted) return;
      made = URL.createObjectURL(blob);
      setState({ url: made, done, error: null });
    };
    load().catch(error => stop.signal.aborted || setState({ url: null, done: 0, error: error?.message ?? String(error) }));
    return () => {
      stop.abort();
      if (made) URL.revokeObjectURL(made);
    };
  }, [item.version]);
  return state;
}

function Save({ item, library }) {
  const save = async () => {
    const url = library.url(item.path) ?? URL.createObjectURL(await new Response(await library.node(item.path).read()).blob());
    const link = document.createElement('a');
    Object.assign(link, { href: url, download: item.name });
    link.click();
    if (url.startsWith('blob:')) setTimeout(() => URL.revokeObjectURL(url), 60_000);
  };
  return (
    <button aria-label="Save" title="Save" onClick={() => save().catch(error => alert(error?.message ?? String(error)))}>
      <Icon path="M10 3.5v9M6 9l4 4 4-4M4 16.5h12" />
    </button>
  );
}
