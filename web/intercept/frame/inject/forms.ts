// A form as a request: what the browser would send (HTML, form submission).

import type { Submission, Target } from '../control.ts';

export interface FormTarget extends Target {
  readonly target: string;
}

function of(
  form: HTMLFormElement,
  submitter: Element | null,
  name: 'action' | 'method' | 'enctype' | 'target',
): string {
  return submitter?.getAttribute(`form${name}`) ?? form.getAttribute(name) ?? '';
}

/** Null for one that goes nowhere: a dialog's, a script's. */
export async function formTarget(
  form: HTMLFormElement,
  submitter: Element | null,
  base: string,
): Promise<FormTarget | null> {
  const method = of(form, submitter, 'method').toLowerCase();
  const action = of(form, submitter, 'action').trim();
  if (method === 'dialog' || /^javascript:/i.test(action)) return null;
  const url = new URL(action === '' ? base : action, form.baseURI);
  const target = of(form, submitter, 'target');
  const isButton = submitter instanceof HTMLButtonElement || submitter instanceof HTMLInputElement;
  const data = new FormData(form, isButton ? submitter : null);
  if (method !== 'post') {
    url.search = encoded(data).toString();
    return { url: url.href, method: 'GET', body: null, target };
  }
  const body = await submissionOf(data, of(form, submitter, 'enctype').toLowerCase());
  return { url: url.href, method: 'POST', body, target };
}

const lines = (text: string): string => text.replace(/\r\n|\r|\n/g, '\r\n');

function encoded(data: FormData): URLSearchParams {
  const pairs = new URLSearchParams();
  for (const [name, value] of data) pairs.append(lines(name), typeof value === 'string' ? lines(value) : value.name);
  return pairs;
}

async function submissionOf(data: FormData, type: string): Promise<Submission> {
  if (type === 'multipart/form-data') {
    const made = new Response(data);
    return { type: made.headers.get('content-type') ?? type, bytes: await made.blob() };
  }
  if (type === 'text/plain') {
    const text = [...encoded(data)].map(([name, value]) => `${name}=${value}\r\n`).join('');
    return { type, bytes: new Blob([text]) };
  }
  const urlencoded = 'application/x-www-form-urlencoded';
  return { type: urlencoded, bytes: new Blob([encoded(data).toString()]) };
}
