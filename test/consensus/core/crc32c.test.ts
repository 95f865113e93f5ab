import assert from 'node:assert/strict';
import { crc32c } from '../../../consensus/core/crc32c.ts';

describe('crc32c', () => {
  it('gives the values of RFC 3720, appendix B.4', () => {
    assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
    assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
    assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, at) => at)), 0x46dd794e);
    assert.equal(crc32c(new TextEncoder().encode('123456789')), 0xe3069283);
  });
});
