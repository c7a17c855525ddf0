// Sizes, dates and spans of time as a person reads them. Pure: the clock and the language are parameters.

const kUnits = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];

/** Decimal units with three significant digits: 0 B, 999 B, 1.25 MB, 64.0 KB. */
export function formatSize(bytes: number | null): string {
  if (bytes === null || !Number.isFinite(bytes) || bytes < 0) return '';
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < kUnits.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${kUnits[unit] ?? ''}`;
}

/** "12 s", "1 min 05 s", "2 h 03 min": how long a step has taken. */
export function formatElapsed(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${String(seconds % 60).padStart(2, '0')} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

/** For steps that end at once, tenths matter: "0.4 s". */
export function formatTook(ms: number): string {
  return ms < 9950 ? `${(Math.max(0, ms) / 1000).toFixed(1)} s` : formatElapsed(ms);
}

function plural(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

/** "just now", "3 minutes ago", "2 days ago". The two clocks may differ, so a time in the future is "just now". */
export function formatAgo(then: number, now: number): string {
  const seconds = Math.floor((now - then) / 1000);
  if (seconds < 60) return 'just now';
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${plural(minutes, 'minute')} ago`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${plural(hours, 'hour')} ago`;
  const days = Math.floor(hours / 24);
  if (days < 60) return `${plural(days, 'day')} ago`;
  return days < 730 ? `${plural(Math.floor(days / 30), 'month')} ago` : `${plural(Math.floor(days / 365), 'year')} ago`;
}

/** A file's date in a table: "14:05" today, "3 Mar 14:05" this year, "3 Mar 2021" before. */
export function formatDate(ms: number | null, now: number, locale?: string): string {
  if (ms === null || !Number.isFinite(ms) || Math.abs(ms) > 8.64e15) return '';
  const date = new Date(ms);
  const today = new Date(now);
  const sameYear = date.getFullYear() === today.getFullYear();
  if (sameYear && date.getMonth() === today.getMonth() && date.getDate() === today.getDate())
    return date.toLocaleTimeString(locale, { hour: '2-digit', minute: '2-digit' });
  return sameYear
    ? date.toLocaleString(locale, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' })
    : date.toLocaleDateString(locale, { day: 'numeric', month: 'short', year: 'numeric' });
}

/** The full date for a tooltip. */
export function formatDateLong(ms: number | null, locale?: string): string {
  if (ms === null || !Number.isFinite(ms) || Math.abs(ms) > 8.64e15) return '';
  return new Date(ms).toLocaleString(locale, { dateStyle: 'full', timeStyle: 'medium' });
}

export function formatCount(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
}

/** "about 12 s left", from what has come so far. */
export function formatRemaining(done: number, total: number, elapsedMs: number): string {
  if (done <= 0 || total <= done || elapsedMs < 1000) return '';
  return `about ${formatElapsed(((total - done) / done) * elapsedMs + 500)} left`;
}
