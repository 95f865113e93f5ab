/** What one sample reads, each from its own kernel file. Formats: Linux Documentation/filesystems/proc.rst and accounting/psi.rst. */
import type { HealthDocument, InterfaceHealth, Power, Pressure, Temperature } from '../../schemas/generated/types.ts';
import { clip, type KernelFiles, toCount, toNumber } from './files.ts';

/** Processor time since boot, in ticks of the kernel. */
export interface CpuTimes {
  readonly busy: number;
  readonly total: number;
}

/** The first line of /proc/stat; null when it is missing. */
export async function readCpuTimes(files: KernelFiles): Promise<CpuTimes | null> {
  const line = (await files.text('proc/stat'))?.split('\n')[0];
  if (line === undefined || !line.startsWith('cpu ')) return null;
  // user nice system idle iowait irq softirq steal; guest time is part of user time already.
  const times = line.trim().split(/\s+/).slice(1, 9).map(Number);
  if (times.length < 4 || times.some((time) => !Number.isFinite(time))) return null;
  const total = times.reduce((sum, time) => sum + time, 0);
  return { total, busy: total - (times[3] ?? 0) - (times[4] ?? 0) };
}

/** Share of processor time in use between two readings, in percent; null when it cannot be told. */
export function usagePercent(before: CpuTimes | null, now: CpuTimes | null): number | null {
  if (before === null || now === null || now.total <= before.total) return null;
  // Idle time of a processor that went offline may run backwards: keep within 0 and 100.
  return tenth(Math.min(100, Math.max(0, (100 * (now.busy - before.busy)) / (now.total - before.total))));
}

/** 1, 5 and 15 minute load averages. */
export async function readLoad(files: KernelFiles): Promise<Pick<HealthDocument['cpu'], 'load1' | 'load5' | 'load15'>> {
  const [load1, load5, load15] = ((await files.text('proc/loadavg')) ?? '').split(' ').map(toNumber);
  return { load1: load1 ?? null, load5: load5 ?? null, load15: load15 ?? null };
}

/**
 * RAM and swap.
 * @param limitBytes limit of the container the agent runs in; undefined when there is none.
 */
export async function readMemory(files: KernelFiles, limitBytes: number | undefined): Promise<HealthDocument['memory']> {
  const kibibytes = new Map<string, number | null>();
  for (const line of ((await files.text('proc/meminfo')) ?? '').split('\n')) {
    const [, key, value] = /^(\w+): +(\d+) kB$/.exec(line) ?? [];
    if (key !== undefined) kibibytes.set(key, toCount(value));
  }
  const bytes = (key: string): number | null => {
    const value = kibibytes.get(key) ?? null;
    return value === null ? null : value * 1024;
  };
  const total = bytes('MemTotal');
  const isLimited = limitBytes !== undefined && total !== null && limitBytes < total;
  const available = bytes('MemAvailable');
  return {
    totalBytes: isLimited ? limitBytes : total,
    availableBytes: isLimited && available !== null ? Math.min(available, limitBytes) : available,
    swapTotalBytes: bytes('SwapTotal'),
    swapFreeBytes: bytes('SwapFree'),
  };
}

/** Pressure over the last 10 seconds; null on kernels without PSI. */
export async function readPressure(files: KernelFiles): Promise<Pressure | null> {
  const [cpu, memory, io] = await Promise.all(['cpu', 'memory', 'io'].map((name) => files.text(`proc/pressure/${name}`)));
  if (!cpu && !memory && !io) return null;
  const percent = (text: string | null | undefined, kind: 'some' | 'full'): number | null => {
    const [, value] = new RegExp(`^${kind} avg10=(\\d+\\.\\d+)`, 'm').exec(text ?? '') ?? [];
    const number = toNumber(value);
    return number === null ? null : Math.min(100, number);
  };
  return {
    cpuSomePercent: percent(cpu, 'some'),
    memorySomePercent: percent(memory, 'some'),
    memoryFullPercent: percent(memory, 'full'),
    ioSomePercent: percent(io, 'some'),
    ioFullPercent: percent(io, 'full'),
  };
}

const interfacesMax = 16;
/** Made by container engines and bridges by the dozen; their traffic is counted on the real interfaces. */
const madeInterface = /^(lo|veth|docker|br-|virbr|cni|flannel|cali|ifb|dummy|podman|tunl|sit)/;

/** Interfaces with their counters since boot. */
export async function readNetwork(files: KernelFiles): Promise<InterfaceHealth[]> {
  const rows = ((await files.text('proc/net/dev')) ?? '').split('\n').flatMap((line) => {
    const [, name, counters] = /^\s*([^:\s]+):\s*(.*)$/.exec(line) ?? [];
    if (name === undefined || counters === undefined || madeInterface.test(name) || name.length > 32) return [];
    return [{ name, counters: counters.trim().split(/\s+/).map(toCount) }];
  });
  return Promise.all(
    rows.slice(0, interfacesMax).map(async ({ name, counters }) => {
      const [carrier, speed] = await Promise.all([
        files.number(`sys/class/net/${name}/carrier`),
        files.number(`sys/class/net/${name}/speed`),
      ]);
      return {
        name,
        up: carrier === null ? null : carrier === 1,
        speedMbps: speed !== null && speed > 0 ? speed : null,
        receivedBytes: counters[0] ?? null,
        receiveErrors: counters[2] ?? null,
        sentBytes: counters[8] ?? null,
        sendErrors: counters[10] ?? null,
      };
    }),
  );
}

const sensorsMax = 16;

/** All thermal zones and hardware monitors that answer with a plausible value; null when none does. */
export async function readTemperatures(files: KernelFiles): Promise<Temperature[] | null> {
  const zones = (await files.names('sys/class/thermal')).filter((name) => name.startsWith('thermal_zone'));
  const monitors = await files.names('sys/class/hwmon');
  const fromZones = zones.map(async (zone) => [
    temperature((await files.text(`sys/class/thermal/${zone}/type`)) ?? zone, await files.number(`sys/class/thermal/${zone}/temp`)),
  ]);
  const fromMonitors = monitors.map(async (monitor) => {
    const directory = `sys/class/hwmon/${monitor}`;
    const name = (await files.text(`${directory}/name`)) ?? monitor;
    const inputs = (await files.names(directory)).filter((file) => /^temp\d+_input$/.test(file));
    return Promise.all(
      inputs.map(async (input) => {
        const label = (await files.text(`${directory}/${input.replace('_input', '_label')}`)) ?? input.replace('_input', '');
        return temperature(`${name} ${label}`, await files.number(`${directory}/${input}`));
      }),
    );
  });
  const sensors = (await Promise.all([...fromZones, ...fromMonitors])).flat().filter((sensor) => sensor !== undefined);
  return sensors.length === 0 ? null : sensors.slice(0, sensorsMax);
}

/** Sensors report thousandths of a degree; broken or absent ones report wild values (-273 °C, 65261 °C), which we leave out. */
function temperature(name: string, milliCelsius: number | null): Temperature | undefined {
  const sensor = clip(name, 64);
  if (sensor === null || milliCelsius === null || milliCelsius < -100_000 || milliCelsius > 250_000) return undefined;
  return { sensor, celsius: tenth(milliCelsius / 1000) };
}

/** Mains and batteries; null when the box names no supply. */
export async function readPower(files: KernelFiles): Promise<Power | null> {
  const supplies = await Promise.all(
    (await files.names('sys/class/power_supply')).map(async (name) => {
      const directory = `sys/class/power_supply/${name}`;
      const [type, online, capacity] = await Promise.all([
        files.text(`${directory}/type`),
        files.number(`${directory}/online`),
        files.number(`${directory}/capacity`),
      ]);
      return { isBattery: type === 'Battery', online, capacity };
    }),
  );
  if (supplies.length === 0) return null;
  const outside = supplies.flatMap(({ isBattery, online }) => (isBattery || online === null ? [] : [online > 0]));
  const charges = supplies.flatMap(({ isBattery, capacity }) =>
    isBattery && capacity !== null && capacity >= 0 && capacity <= 100 ? [capacity] : [],
  );
  return {
    onMains: outside.length === 0 ? null : outside.includes(true),
    batteryPercent: charges.length === 0 ? null : Math.min(...charges),
  };
}

/** Identity of this start of the box. */
export async function readBootId(files: KernelFiles): Promise<string | null> {
  const id = await files.text('proc/sys/kernel/random/boot_id');
  return id !== null && /^[0-9a-f-]{36}$/.test(id) ? id : null;
}

/** What systemd-timesyncd says in its run directory; other time services do not tell without a program being run: null. */
export async function readSynchronised(files: KernelFiles): Promise<boolean | null> {
  const names = await files.names('run/systemd/timesync');
  return names.length === 0 ? null : names.includes('synchronized');
}

/** Rounded to one decimal: finer digits are noise, and cost bytes in every document. */
export function tenth(value: number): number {
  return Math.round(value * 10) / 10;
}
