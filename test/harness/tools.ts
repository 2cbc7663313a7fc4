import { join } from 'node:path';

/** Where programs that tests run against are kept between runs, beside the control plane's own. */
export const TOOLS = join(__dirname, '..', '..', '.eirel', 'tools');
