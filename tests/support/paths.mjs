// Where things are in this checkout.
import { createRequire } from 'node:module';
import { join } from 'node:path';

export const root = new URL('../../', import.meta.url).pathname.replace(/\/$/, '');
export const buildDirectory = join(root, 'build', process.env.OWNDIR_PRESET ?? 'dev');
export const owndir = join(buildDirectory, 'src/cli/owndir');
export const fsnodeServer = join(buildDirectory, 'tests/fsnode_server');
/** The npm packages of the tests are those of web/. */
export const require = createRequire(join(root, 'web/package.json'));
export const handshakeDirectory = (folder) => join(folder, '.owndir/.wrtc-proxy');
export const pageOf = (folder) => join(folder, '.owndir/.dist/index.html');
