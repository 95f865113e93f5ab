/**
 * Prints what the box is made of as JSON and ends. A program of its own, because the library runs other programs and waits for
 * them (`hostname -f` waits for a name server): in the agent that would stop heartbeats.
 */
import { cpu, diskLayout, graphics, osInfo, system } from 'systeminformation';

const [os, hardware, processor, disks, gpus] = await Promise.allSettled([osInfo(), system(), cpu(), diskLayout(), graphics()]);
const found = <T>(result: PromiseSettledResult<T>): T | null => (result.status === 'fulfilled' ? result.value : null);

process.stdout.write(
  JSON.stringify({
    os: found(os),
    system: found(hardware),
    cpu: found(processor),
    disks: found(disks),
    gpus: found(gpus)?.controllers ?? null,
  }),
);
