import assert from 'node:assert/strict';
import { type Device, DeviceWatch } from '../../../agent/health/device-watch.ts';

const device = (id: string, path?: string): Device => ({ id, delivers: [{ source: id }], ...(path === undefined ? {} : { path }) });

describe('the devices of a box', () => {
  it('P11: are there while their path exists; those without one always are', () => {
    const there = new Set(['/dev/ttyUSB0']);
    const watch = new DeviceWatch([device('fixed'), device('serial', '/dev/ttyUSB0'), device('camera', '/dev/video0')], {
      everyMs: 1000,
      exists: (path) => there.has(path),
    });
    const names = (): string[] => watch.present().map(({ id }) => id);
    assert.deepEqual(names(), ['fixed', 'serial']);
    assert.equal(watch.check(5000), false, 'nothing came or went');
    there.delete('/dev/ttyUSB0');
    assert.equal(watch.check(5999), false, 'not looked yet');
    assert.equal(watch.check(6000), true);
    assert.deepEqual(names(), ['fixed']);
    there.add('/dev/video0').add('/dev/ttyUSB0');
    assert.equal(watch.check(7000), true);
    assert.deepEqual(names(), ['fixed', 'serial', 'camera']);
  });
});
