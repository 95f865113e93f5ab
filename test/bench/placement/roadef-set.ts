/** The ROADEF instances: what the translation gives is judged by the rules of the challenge, beside the winner of 2012. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { solve } from '../../../agent/placement/solve.ts';
import { median, printFigure } from '../figure.ts';
import { complain, type SetOptions } from './main.ts';
import { readRoadefFolder, reassignmentProblem } from './roadef.ts';
import { judgeReassignment } from './roadef-judge.ts';
import { cpuClock, judge, seeded } from './subject.ts';

/** Replicas times boxes above which an instance is left to long runs. */
const quickPairs = 150_000;

export async function benchRoadef({ json, budget, data, only, quick, seed }: SetOptions): Promise<void> {
  const folder = join(data, 'roadef2012');
  if (!existsSync(join(folder, 'best.csv'))) {
    complain(
      `No instances in ${folder}: give the folder with --data or HOLDFAST_PLACEMENT_DATA. The originals are those of the ROADEF/EURO challenge 2012 (machine reassignment, sets A and B); best.csv holds instance,winner300s.`,
    );
    return;
  }
  const scores: number[] = [];
  let count = 0;
  for (const { name, instance, winner, original } of readRoadefFolder(folder, only)) {
    const { machines, processes, resources, initial } = instance;
    if (quick && machines.length * processes.length > quickPairs) continue;
    const start = judgeReassignment(instance, initial);
    if (start.cost !== original) complain(`${name}: the assignment it begins with costs ${start.cost}, published is ${original}`);
    const problem = seeded(reassignmentProblem(instance), seed);
    const used = cpuClock();
    const plan = solve(problem, { interrupted: () => used() >= budget, progress: () => used() / budget });
    const cpu = used();
    const assignment = initial.map(() => -1);
    for (const { workload, node } of plan.assignments) assignment[Number(workload.slice(1))] = Number(node.slice(1));
    const { cost, broken } = judgeReassignment(instance, assignment);
    const own = judge(problem, plan.assignments);
    const score = (100 * (cost - winner)) / original;
    const faults = Object.entries(broken).map(([rule, times]) => `${rule} ${times}`);
    count += 1;
    if (faults.length === 0) scores.push(score);
    printFigure(
      {
        figure: 'placement.roadef_score',
        subject: 'holdfast',
        // A score is worth something only where no rule is broken.
        value: faults.length === 0 ? score : null,
        unit: '%',
        params: {
          set: 'roadef',
          instance: name,
          size: `${processes.length}x${machines.length}`,
          resources: resources.length,
          budget,
          cpu: Number(cpu.toFixed(2)),
          feasible: own.feasible ? 'yes' : 'no',
          score: Number(score.toFixed(4)),
          broken: faults.length === 0 ? 'none' : faults.join(', '),
          value: cost,
          start: original,
          reference: winner,
          kind: 'winner at 300 s',
          ownValue: own.value,
          ownBound: plan.bound,
          hash: plan.hash,
        },
        note: own.note,
      },
      json,
    );
  }
  if (count === 0) return;
  const found = scores.length > 0;
  printFigure(
    {
      figure: 'placement.roadef_score',
      subject: 'holdfast',
      value: found ? scores.reduce((sum, score) => sum + score, 0) / scores.length : null,
      unit: '%',
      params: { set: 'roadef', instance: 'all', budget, feasible: scores.length, of: count },
      samples: scores,
      note: `${found ? `mean; median ${median(scores).toFixed(3)}, worst ${Math.max(...scores).toFixed(3)}; ` : ''}${scores.length} of ${count} keep all rules of the challenge`,
    },
    json,
  );
}
