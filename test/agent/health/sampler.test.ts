import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { DiskReader } from '../../../agent/health/disks.ts';
import { KernelFiles } from '../../../agent/health/files.ts';
import { buildHealthDocument, healthBytesMax } from '../../../agent/health/health-document.ts';
import { readInventory, toInventory } from '../../../agent/health/inventory.ts';
import {
  readCpuTimes,
  readMemory,
  readNetwork,
  readPower,
  readPressure,
  readTemperatures,
  usagePercent,
} from '../../../agent/health/readings.ts';
import { Sampler } from '../../../agent/health/sampler.ts';
import { boxOf, ManualClock, sample } from './fixtures.ts';

describe('the sampler', () => {
  const boxes: string[] = [];
  const box = (files: Readonly<Record<string, string>>): KernelFiles => {
    const root = boxOf(files);
    boxes.push(root);
    return new KernelFiles(root);
  };
  afterEach(() => {
    for (const root of boxes.splice(0)) rmSync(root, { recursive: true, force: true });
  });

  it('D2: reads this very box, with memory, disk and uptime, and the document is valid and small', async () => {
    const sampler = new Sampler(
      { clock: new ManualClock(), version: '0.1.0', directories: [process.cwd()] },
      { readInventory: () => Promise.resolve(null) },
    );
    const document = buildHealthDocument({ node: 'box-a', site: 'shop', run: 1, seq: 1 }, await sampler.sample());
    assert.ok((document.memory.totalBytes ?? 0) > 64e6);
    assert.ok((document.memory.availableBytes ?? 0) > 1e6);
    assert.ok((document.disks[0]?.totalBytes ?? 0) > 1e6);
    assert.ok(document.agent.rssBytes > 10e6);
    assert.ok(document.bootId !== null);
    assert.ok(Buffer.byteLength(JSON.stringify(document)) < healthBytesMax);
    assert.equal(document.cpu.usagePercent, null, 'the first sample cannot know a share of time');
  });

  it('D2: on a box that tells nothing everything is null, never 0', async () => {
    const root = boxOf({});
    boxes.push(root);
    const sampler = new Sampler(
      { clock: new ManualClock(), version: '0.1.0', directories: ['/nowhere'] },
      { root, readInventory: () => Promise.resolve(null), disks: { statfs: () => Promise.reject(new Error('gone')) } },
    );
    const read = await sampler.sample();
    assert.deepEqual(
      [
        read.bootId,
        read.cpu.usagePercent,
        read.cpu.load1,
        read.memory,
        read.pressure,
        read.temperatures,
        read.power,
        read.network,
        read.disks,
        read.clock.synchronised,
        read.inventory,
      ],
      [
        null,
        null,
        null,
        { totalBytes: null, availableBytes: null, swapTotalBytes: null, swapFreeBytes: null },
        null,
        null,
        null,
        [],
        [{ mount: '/nowhere', type: null, totalBytes: null, freeBytes: null, readOnly: null, lifeUsedPercent: null }],
        null,
        null,
      ],
    );
  });

  it('D2: counts idle and waiting time as not used', async () => {
    const before = await readCpuTimes(box({ 'proc/stat': 'cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1 1\n' }));
    const now = await readCpuTimes(box({ 'proc/stat': 'cpu  150 0 150 750 150 0 0 0 0 0\n' }));
    assert.equal(usagePercent(before, now), 50);
    assert.equal(usagePercent(now, now), null);
    assert.equal(await readCpuTimes(box({ 'proc/stat': 'garbage' })), null);
  });

  it('D2: a container has the memory of its limit', async () => {
    const files = box({ 'proc/meminfo': 'MemTotal:  1000 kB\nMemAvailable:   900 kB\nSwapTotal:  0 kB\n' });
    assert.deepEqual(await readMemory(files, 512_000), {
      totalBytes: 512_000,
      availableBytes: 512_000,
      swapTotalBytes: 0,
      swapFreeBytes: null,
    });
    assert.equal((await readMemory(files, undefined)).totalBytes, 1_024_000);
  });

  it('D2: reads pressure, and says null where a line is missing', async () => {
    const files = box({
      'proc/pressure/cpu': 'some avg10=12.50 avg60=0.84 avg300=0.58 total=1\n',
      'proc/pressure/io': 'some avg10=1.00 avg60=0 avg300=0 total=1\nfull avg10=0.50 avg60=0 avg300=0 total=1',
    });
    assert.deepEqual(await readPressure(files), {
      cpuSomePercent: 12.5,
      memorySomePercent: null,
      memoryFullPercent: null,
      ioSomePercent: 1,
      ioFullPercent: 0.5,
    });
  });

  it('D2: reads zones and monitors, and leaves broken sensors out', async () => {
    const files = box({
      'sys/class/thermal/thermal_zone0/type': 'cpu-thermal\n',
      'sys/class/thermal/thermal_zone0/temp': '48312\n',
      'sys/class/thermal/thermal_zone1/temp': '-273150\n',
      'sys/class/hwmon/hwmon0/name': 'nvme',
      'sys/class/hwmon/hwmon0/temp1_input': '35850',
      'sys/class/hwmon/hwmon0/temp1_label': 'Composite',
      'sys/class/hwmon/hwmon0/temp2_input': 'n/a',
    });
    assert.deepEqual(await readTemperatures(files), [
      { sensor: 'cpu-thermal', celsius: 48.3 },
      { sensor: 'nvme Composite', celsius: 35.9 },
    ]);
  });

  it('D2: reads network counters of real interfaces', async () => {
    const row = (name: string): string => `${name}: 100 5 2 0 0 0 0 0 200 6 3 0 0 0 0 0`;
    const files = box({
      'proc/net/dev': `Inter-|\n face |bytes\n${row('    lo')}\n${row('  eth0')}\n${row('veth12')}\n`,
      'sys/class/net/eth0/carrier': '1',
      'sys/class/net/eth0/speed': '-1',
    });
    assert.deepEqual(await readNetwork(files), [
      { name: 'eth0', up: true, speedMbps: null, receivedBytes: 100, receiveErrors: 2, sentBytes: 200, sendErrors: 3 },
    ]);
  });

  it('D2: reads mains and the emptiest battery', async () => {
    const supply = 'sys/class/power_supply';
    const files = box({
      [`${supply}/AC/type`]: 'Mains',
      [`${supply}/AC/online`]: '0',
      [`${supply}/B0/type`]: 'Battery',
      [`${supply}/B0/capacity`]: '80',
      [`${supply}/B1/type`]: 'Battery',
      [`${supply}/B1/capacity`]: '35',
    });
    assert.deepEqual(await readPower(files), { onMains: false, batteryPercent: 35 });
  });

  it('D2: finds the mount of a directory, read-only and worn', async () => {
    const files = box({
      'proc/self/mounts': '/dev/root / ext4 rw 0 0\n/dev/mmcblk0p3 /var/my\\040data ext4 ro,noatime 0 0\n',
      'sys/block/mmcblk0/device/life_time': '0x03 0x05\n',
    });
    const reader = new DiskReader(files, ['/var/my data/holdfast', '/var/my data', '/home'], {
      statfs: () => Promise.resolve({ bsize: 10, blocks: 9, bavail: 4 }),
    });
    assert.deepEqual(await reader.read(), [
      { mount: '/var/my data', type: 'ext4', totalBytes: 90, freeBytes: 40, readOnly: true, lifeUsedPercent: 50 },
      { mount: '/', type: 'ext4', totalBytes: 90, freeBytes: 40, readOnly: false, lifeUsedPercent: null },
    ]);
  });

  it('D2: a file system that does not answer is asked once, not at every sample, and its sizes are unknown', async () => {
    let asked = 0;
    const never = new Promise<never>(() => undefined);
    const reader = new DiskReader(box({}), ['/dead'], {
      patienceMs: 5,
      statfs: () => {
        asked += 1;
        return never;
      },
    });
    for (let times = 0; times < 3; times += 1) assert.equal((await reader.read())[0]?.totalBytes, null);
    assert.equal(asked, 1);
  });

  it('D2: the inventory of this box names its system and processor', async () => {
    const inventory = await readInventory();
    assert.ok(inventory?.os.kernel);
    assert.equal(inventory.os.arch, process.arch);
    assert.ok((inventory.cpu.physicalCores ?? 1) >= 1);
    assert.equal(buildHealthDocument({ node: 'box-a', site: 'shop', run: 1, seq: 1 }, { ...sample, inventory }).inventory, inventory);
  });

  it('D2: an inventory that cannot be read is null, and one of nonsense is bounded', async () => {
    assert.equal(await readInventory({ program: '/nowhere/at-all.mjs' }), null);
    const wild = toInventory({
      os: { distro: `a\u0000b${'x'.repeat(500)}`, release: 7 },
      cpu: { physicalCores: 1.5, speed: -3 },
      disks: Array(50).fill({ size: Number.NaN }),
      gpus: 'none',
    });
    assert.equal(wild.os.name?.length, 64);
    assert.deepEqual(
      [wild.os.release, wild.cpu.physicalCores, wild.cpu.speedGHz, wild.disks.length, wild.disks[0]?.sizeBytes, wild.gpus],
      [null, null, null, 8, null, []],
    );
    assert.ok(buildHealthDocument({ node: 'box-a', site: 'shop', run: 1, seq: 1 }, { ...sample, inventory: wild }));
  });

  it('stops while the inventory is still being read', async () => {
    const sampler = new Sampler(
      { clock: new ManualClock(), version: '0.1.0', directories: [] },
      {
        readInventory: (signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve(null))),
      },
    );
    sampler.start();
    await sampler.stop();
    assert.equal(await sampler.inventoryRead(), null);
  });
});
