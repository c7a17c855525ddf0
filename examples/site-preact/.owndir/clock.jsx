/** @jsxImportSource preact */
import { useEffect, useState } from 'preact/hooks';

const kinds = [
  ['soft', 4.5],
  ['waxy', 6.5],
  ['hard', 10],
];
const text = seconds => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;

export function Clock() {
  const [minutes, setMinutes] = useState(6.5);
  const [endsAt, setEndsAt] = useState(null);
  const [now, setNow] = useState(0);
  useEffect(() => {
    if (endsAt === null) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 200);
    return () => clearInterval(timer);
  }, [endsAt]);
  const left = endsAt === null ? minutes * 60 : Math.max(0, Math.min(minutes * 60, Math.ceil((endsAt - now) / 1000)));
  return (
    <main class="clock" data-done={endsAt !== null && left === 0 ? true : undefined}>
      <h1>Egg clock</h1>
      <div class="kinds" role="group" aria-label="How the egg shall be">
        {kinds.map(([name, each]) => (
          <button key={name} aria-pressed={each === minutes} onClick={() => (setEndsAt(null), setMinutes(each))}>
            {name}
          </button>
        ))}
      </div>
      <p class="left" role="timer">
        {endsAt !== null && left === 0 ? 'Ready!' : text(left)}
      </p>
      <button class="start" onClick={() => setEndsAt(endsAt === null ? Date.now() + minutes * 60_000 : null)}>
        {endsAt === null ? 'Start' : 'Stop'}
      </button>
    </main>
  );
}
