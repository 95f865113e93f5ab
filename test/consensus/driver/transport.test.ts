import { transportContract } from '../../contract/transport-contract.ts';
import { MemoryNetwork } from './memory-network.ts';

transportContract('in memory', async () => {
  const network = new MemoryNetwork();
  const a = network.connect('n1');
  return {
    a,
    b: network.connect('n2'),
    idA: 'n1',
    idB: 'n2',
    endB: async () => network.disconnect('n2'),
    restartB: async () => network.connect('n2'),
    close: async () => undefined,
  };
});
