export { shared as sharedOfB } from '/site/modules/deep/shared.js';
import * as all from './deep/shared.js';

export default () => `b and ${all.shared.name} ${all.shared.next()}`;
