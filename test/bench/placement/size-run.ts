/** One size, in a process of its own so that its memory can be told: `node size-run.ts WORKLOADS NODES SECONDS` prints one line of JSON. */
import { solve } from '../../../agent/placement/solve.ts';
import { multiClassProblem } from './multi-class.ts';
import { cpuClock, judge } from './subject.ts';

const [workloads = 10, nodes = 4, seconds = 1] = process.argv.slice(2).map(Number);
const { problem } = multiClassProblem({ workloads, nodes, seed: 1 });
const used = cpuClock();
let first: number | undefined;
const plan = solve(problem, {
  interrupted: () => used() >= seconds,
  progress: () => used() / seconds,
  onBetter: () => {
    first ??= used();
  },
});
const cpu = used();
const before = cpuClock();
const { feasible, value, hash, note } = judge(problem, plan.assignments);
process.stdout.write(
  `${JSON.stringify({
    cpu,
    first: first ?? null,
    check: before(),
    rssMiB: Math.round(process.resourceUsage().maxRSS / 1024),
    replicas: problem.workloads.reduce((sum, { replicas }) => sum + replicas, 0),
    feasible,
    unplaced: plan.unplaced.length,
    value,
    bound: plan.bound,
    hash,
    note,
  })}\n`,
);
