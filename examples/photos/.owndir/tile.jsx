import React, { useEffect, useRef, useState } from 'react';

/** A small picture that is made when it comes near the screen. */
export function Tile({ item, thumbnails }) {
  const box = useRef(null);
  const [near, setNear] = useState(false);
  const [url, setUrl] = useState(undefined);

  useEffect(() => {
    const observer = new IntersectionObserver(entries => setNear(entries.at(-1).isIntersecting), { rootMargin: '400px' });
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);

  useEffect(() => {
    if (near) return thumbnails.want(item, setUrl);
  }, [near, item.version, thumbnails]);

  return (
    <span className="tile" ref={box} data-kind={item.kind} data-shown={url ? true : undefined}>
      {url ? <img src={url} alt="" draggable="false" /> : null}
      {url === null ? <span className="no-picture">{item.name}</span> : null}
      {item.kind === 'video' ? (
        <svg viewBox="0 0 20 20" aria-label="Video">
          <path d="M6 4l10 6-10 6z" />
        </svg>
      ) : null}
    </span>
  );
}
