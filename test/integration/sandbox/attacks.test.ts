import { attackSuite } from './attack-suite';

jest.setTimeout(120_000);

attackSuite('bubblewrap', () => undefined);
