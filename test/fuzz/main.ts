/** Command line of the fuzz: `npm run fuzz -- [--inputs N] [--target NAME] [--seed N] [--json]`. */
import { parseArgs } from 'node:util';
import { fuzz, targets } from './fuzz.ts';

const usage = `Usage: npm run fuzz -- [--inputs N] [--target NAME] [--seed N] [--json]

  --inputs N     inputs in all (1000000, or as 1e7), shared out over the decoders by what an input costs
  --target NAME  one of ${targets.map(({ name }) => name).join(', ')}; all of them unless told
  --seed N       1 unless told
  --json         one JSON object per decoder instead of text

Exit codes: 0 nothing found, 1 a decoder did what it must not, 2 wrong usage.
`;

async function main(): Promise<number> {
  const options = {
    inputs: { type: 'string', default: '1000000' },
    target: { type: 'string' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  } as const;
  let values: ReturnType<typeof parseArgs<{ options: typeof options }>>['values'];
  try {
    values = parseArgs({ options }).values;
  } catch {
    process.stderr.write(usage);
    return 2;
  }
  const [inputs, seed] = [Number(values.inputs), Number(values.seed)];
  const chosen = targets.filter(({ name }) => values.target === undefined || name === values.target);
  if (chosen.length === 0 || !Number.isSafeInteger(inputs) || inputs < 1 || !Number.isSafeInteger(seed)) {
    process.stderr.write(usage);
    return 2;
  }
  const shares = chosen.reduce((sum, { cost = 1 }) => sum + 1 / cost, 0);
  let found = 0;
  let all = 0;
  for (const target of chosen) {
    const share = Math.max(1, Math.ceil(inputs / (target.cost ?? 1) / shares));
    const show = (done: number): void => void (process.stderr.isTTY && process.stderr.write(`\r${target.name}: ${done} of ${share}`));
    const result = await fuzz(target, share, seed, show);
    if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
    all += result.inputs;
    if (values.json) process.stdout.write(`${JSON.stringify(result)}\n`);
    else {
      const { taken, refused, seconds, finding } = result;
      const rate = Math.round(result.inputs / Math.max(seconds, 0.001));
      process.stdout.write(`${target.name}: ${result.inputs} inputs, ${taken} taken, ${refused} refused, ${rate}/s\n`);
      if (finding !== undefined)
        process.stdout.write(
          `FOUND ${finding.message}\n  again: npm run fuzz -- --target '${target.name}' --inputs ${share} --seed ${seed}\n`,
        );
    }
    if (result.finding !== undefined) found += 1;
  }
  if (!values.json) process.stdout.write(`${all} inputs, ${found} decoders with a finding\n`);
  return found === 0 ? 0 : 1;
}

process.exitCode = await main();
