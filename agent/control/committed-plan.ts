/** The plan as it goes into the log: an entry is bounded, and what explains a plan must not keep it from being decided. Pure. */
import type { Plan } from '../../schemas/generated/types.ts';

/** Longest plan that is committed as it is, in characters of JSON: assignments and the record of the decision have to fit beside it. */
const charactersMax = 192 * 1024;
/** Replicas without a place whose reasons are kept, box by box, in a plan that is too long; the others keep their summary. */
const reasonsMax = 32;

/** Leaves out, as far as needed, the alternatives and then most of the reasons; places and costs stay. */
export function committedPlan(plan: Plan): Plan {
  const fits = (one: Plan): boolean => JSON.stringify(one).length <= charactersMax;
  if (fits(plan)) return plan;
  const lean = { ...plan, alternatives: [] };
  if (fits(lean)) return lean;
  const unplaced = plan.unplaced.map((one, index) => (index < reasonsMax ? one : { ...one, reasons: [] }));
  return { ...lean, unplaced, trace: { ...plan.trace, starts: [] } };
}
