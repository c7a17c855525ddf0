// A site of nginx with a film.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../../support/harness.mjs';
import { freePorts } from '../../support/ports.mjs';
import { capture } from '../../support/processes.mjs';
import { started } from './program.mjs';

/** One page, a film of a minute (large enough not to be read whole at once), a log of what was asked. */
async function site(t, { prefix } = {}) {
  const at = join(t.directory, 'nginx');
  const [port] = await freePorts(1);
  for (const name of ['site', 'tmp']) mkdirSync(join(at, name), { recursive: true });
  const film = await capture(['ffmpeg', '-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=10', '-vf', 'noise=alls=60:allf=t', '-t', '60',
    '-c:v', 'libx264', '-preset', 'ultrafast', '-qp', '18', '-pix_fmt', 'yuv420p', '-g', '10', '-movflags', '+faststart', join(at, 'site/film.mp4')]);
  assert.equal(film.code, 0, film.stderr);
  writeFileSync(join(at, 'site/index.html'), '<!doctype html><title>A site of nginx</title><h1>A film</h1><video src="film.mp4" controls muted width="320"></video>');
  const log = join(at, 'asked.log');
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${join(at, 'tmp', name)};`).join(' ');
  writeFileSync(join(at, 'nginx.conf'), `${process.getuid() === 0 ? 'user root; ' : ''}daemon off; pid ${join(at, 'nginx.pid')}; error_log ${join(at, 'error.log')}; worker_processes 1;
events { worker_connections 256; }
http { types { text/html html; video/mp4 mp4; } ${paths} log_format asked '$request_method $uri $status "$http_range" $bytes_sent'; access_log ${log} asked;
  server { listen 127.0.0.1:${port}; root ${join(at, 'site')}; } }\n`);
  const origin = `http://127.0.0.1:${port}`;
  await started(t, ['nginx', '-p', at, '-e', join(at, 'error.log'), '-c', join(at, 'nginx.conf')], origin, { prefix });
  const size = readFileSync(join(at, 'site/film.mp4')).length;
  return { origin, size, asked: () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []) };
}

export const nginx = {
  title: 'a film on a site of nginx plays and seeks',
  needs: ['nginx', 'ffmpeg'],
  start: site,
  async use(t, { origin, size, asked }, open, way) {
    const before = asked().length;
    const { page, frame } = await open({ name: 'site', origin, isIt: () => document.title === 'A site of nginx' });
    const video = frame.locator('video');
    await video.evaluate((element) => element.play());
    await until(() => video.evaluate((element) => element.currentTime > 0.3), { what: 'the film to play' });
    assert.deepEqual(await video.evaluate((element) => [element.videoWidth, Math.round(element.duration)]), [320, 60]);
    await video.evaluate((element) => void (element.currentTime = 50));
    await until(() => video.evaluate((element) => !element.seeking && element.currentTime > 50.2), { what: 'the film to play from its fiftieth second' });
    await page.screenshot({ path: t.artefact(`nginx-${way}.png`) });
    const films = asked().slice(before).filter((line) => line.includes('film.mp4'));
    const starts = films.map((line) => Number(/ (?:206|304) "bytes=(\d+)-/.exec(line)?.[1]));
    assert.ok(starts.every((from) => from >= 0), `nginx was asked for parts only: ${films.join('; ')}`);
    assert.ok(starts.some((from) => from > size * 0.7), `nginx was asked for the end of the film of ${size} bytes: ${films.join('; ')}`);
    t.log(`asked for: ${films.join('; ')}`);
  },
};
