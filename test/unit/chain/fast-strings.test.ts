import { setFlagsFromString } from 'node:v8';
import '../../../adapters/chain/neuron-types';

test('strings keep their speed although the chain client is loaded', () => {
  setFlagsFromString('--allow-natives-syntax');
  const isFast = new Function('return %HasFastProperties(String.prototype)') as () => boolean;
  // What @polkadot/types does, so that it is done whatever that one does by now.
  class Derived extends String {}
  expect(new Derived('a').length).toBe(1);
  expect(isFast()).toBe(true);
});
