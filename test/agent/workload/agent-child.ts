/**
 * An agent's executor in a process of its own, to be killed or frozen: it runs one `onSplit: stop` workload and extends its lease for as
 * long as it is well. Arguments: DIRECTORY LEASE_MS SPEC
 */
import type { WorkloadSpec } from '../../../schemas/generated/types.ts';
import { give, sees, WorkBox } from './work-box.ts';

const [dir = '', leaseMs = '', spec = ''] = process.argv.slice(2);
const box = new WorkBox({ dir });
const executor = await box.executor();
const extend = (): void => executor.extendLease(box.clock.nowMs() + Number(leaseMs));
extend();
setInterval(extend, Number(leaseMs) / 10);
executor.setDesired([give(JSON.parse(spec) as WorkloadSpec)]);
const { pid } = await sees(executor, 'it runs', (status) => status.state === 'ready' && status.pid !== null);
process.stdout.write(`${pid}\n`);
