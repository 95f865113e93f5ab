// Stays in memory: each line on standard input is one run, each line on standard output says that the run is done.
import { createInterface } from 'node:readline';

// Loaded once, used by every run: what makes staying in memory worth while.
const weights = Float64Array.from({ length: 4096 }, (_, i) => Math.cos(i));
let run = 0;

for await (const _ of createInterface({ input: process.stdin })) {
  run += 1;
  let sum = 0;
  for (let i = 0; i < weights.length; i += 1) sum += weights[i] * Math.sin(i * run);
  console.log(JSON.stringify({ run, indicator: Number((100 / (1 + Math.abs(sum) / 100)).toFixed(2)) }));
}
