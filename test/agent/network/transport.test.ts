import { transportContract } from '../../contract/transport-contract.ts';
import { Site } from './site-fixture.ts';

transportContract('libp2p', async () => {
  const site = await Site.make(['n1', 'n2']);
  const [a, b] = await site.start('n1', 'n2');
  if (a === undefined || b === undefined) throw new Error('two boxes were started');
  return {
    a: a.consensus,
    b: b.consensus,
    idA: 'n1',
    idB: 'n2',
    endB: () => site.stop('n2'),
    restartB: async () => {
      const [again] = await site.start('n2');
      if (again === undefined) throw new Error('a box was started');
      return again.consensus;
    },
    close: () => site.close(),
  };
});
