// http.static.1k (requests a second) and http.static.1m (bytes a second): a file over plain HTTP from `owndir serve`, with all of its
// rules in front, against nginx with one worker, by wrk, turn by turn. cpu_us: processor time of either server for one request.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { serve } from '../tests/support/owndir.mjs';
import { freePorts } from '../tests/support/ports.mjs';
import { Child } from '../tests/support/processes.mjs';

export const names = ['http.static.1k', 'http.static.1m'];

const files = { 'http.static.1k': ['k.txt', 1024], 'http.static.1m': ['m.txt', 1024 * 1024] };
const rounds = 7;
const connections = 16;

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const round = (value, digits = 2) => Number(value.toFixed(digits));

async function startNginx(t, folder) {
  const [port] = await freePorts(1);
  const work = join(t.directory, 'nginx');
  mkdirSync(work);
  const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${work}/${name};`);
  writeFileSync(
    join(work, 'conf'),
    `daemon off; master_process off; pid ${work}/pid; error_log ${work}/error.log;
    events { worker_connections 256; }
    http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; default_type text/plain; ${places.join(' ')}
      server { listen 127.0.0.1:${port}; root ${folder}; } }\n`,
  );
  const nginx = new Child(['nginx', '-c', join(work, 'conf'), '-e', join(work, 'error.log')], {
    env: { PATH: `${process.env.PATH}:/usr/sbin` },
  });
  t.defer(() => nginx.stop());
  for (let tries = 0; ; tries++) {
    try {
      if ((await fetch(`http://127.0.0.1:${port}/k.txt`)).status === 200) return { pid: nginx.pid, port };
    } catch (error) {
      if (tries > 100 || nginx.code !== undefined) throw new Error(`nginx does not start: ${error.message}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Of all threads, in microseconds. */
function processorTime(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

function run({ pid, port }, file) {
  const before = processorTime(pid);
  const text = execFileSync('wrk', ['-t1', `-c${connections}`, '-d1s', `http://127.0.0.1:${port}/${file}`], { encoding: 'utf8' });
  const number = (pattern) => Number(pattern.exec(text)?.[1] ?? 0);
  const requests = number(/(\d+) requests in/);
  if (requests === 0 || /Non-2xx|Socket errors/.test(text)) throw new Error(`wrk: ${text}`);
  return { rate: number(/Requests\/sec:\s+([\d.]+)/), cpu: (processorTime(pid) - before) / requests };
}

export async function measure(t, wanted, _programs, print) {
  const folder = join(t.directory, 'folder');
  mkdirSync(folder);
  for (const [name, size] of Object.values(files)) writeFileSync(join(folder, name), 'x'.repeat(size));
  const ours = await serve(t, folder);
  const theirs = await startNginx(t, folder);
  for (const name of wanted) {
    const [file] = files[name];
    const seen = { ours: [], theirs: [] };
    for (let i = 0; i < rounds; i++) {
      seen.theirs.push(run(theirs, file));
      seen.ours.push(run(ours, file));
    }
    const rates = (list) => median(list.map((each) => each.rate));
    const cpu = (list) => round(median(list.map((each) => each.cpu)), 1);
    print({
      name,
      ratio: round(median(seen.ours.map((each, i) => each.rate / seen.theirs[i].rate))),
      ours_per_s: Math.round(rates(seen.ours)), nginx_per_s: Math.round(rates(seen.theirs)),
      cpu_us: cpu(seen.ours), nginx_cpu_us: cpu(seen.theirs), rounds,
    });
  }
}
