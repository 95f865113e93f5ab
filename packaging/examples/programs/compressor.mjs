// Compresses a block of readings and says what it came to: a job that ends.
import { gzipSync } from 'node:zlib';

const readings = Array.from({ length: 20_000 }, (_, i) => (20 + 3 * Math.sin(i / 50) + (i % 7) / 10).toFixed(2)).join('\n');
const packed = gzipSync(readings, { level: 6 });
console.log(JSON.stringify({ bytes: readings.length, packed: packed.length, ratio: Number((readings.length / packed.length).toFixed(2)) }));
