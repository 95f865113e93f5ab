// Mocha hands an unhandled rejection on and, when nobody else listens, forgets it: an agent would end of it, so a test fails of it.
process.on('unhandledRejection', (reason) => {
  throw reason instanceof Error ? reason : new Error(`unhandled rejection: ${String(reason)}`);
});
