// Reads the agent's own telemetry, keeps rolling statistics for every box, and says what is out of the ordinary.
import { request } from 'node:http';

const window = 60;
const everyMs = Number(process.env.INTERVAL_MS ?? 2000);
const series = new Map();

function ask(path) {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath: process.env.HOLDFAST_SOCKET, path, timeout: 3000 }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part) => {
        text += part;
      });
      response.on('end', () =>
        response.statusCode === 200 ? resolve(JSON.parse(text)) : reject(new Error(`HTTP ${response.statusCode}`)),
      );
    });
    call.on('timeout', () => call.destroy(new Error('no answer')));
    call.on('error', reject);
    call.end();
  });
}

// Mean and deviation of the window, and how far the newest value lies outside of them, in deviations.
function judge(name, value) {
  const values = series.get(name) ?? [];
  const mean = values.reduce((sum, one) => sum + one, 0) / Math.max(1, values.length);
  const deviation = Math.sqrt(values.reduce((sum, one) => sum + (one - mean) ** 2, 0) / Math.max(1, values.length));
  const score = values.length < 10 || deviation === 0 ? 0 : (value - mean) / deviation;
  series.set(name, [...values, value].slice(-window));
  return { mean: Number(mean.toFixed(2)), deviation: Number(deviation.toFixed(2)), score: Number(score.toFixed(2)) };
}

async function round() {
  try {
    const { nodes } = await ask('/v1/nodes');
    for (const { name, health } of nodes) {
      if (health === null) continue;
      const readings = {
        cpu_percent: health.cpu.usagePercent,
        load1: health.cpu.load1,
        memory_used_percent:
          health.memory.totalBytes === null || health.memory.availableBytes === null
            ? null
            : 100 * (1 - health.memory.availableBytes / health.memory.totalBytes),
      };
      for (const [reading, value] of Object.entries(readings)) {
        if (value === null) continue;
        const { mean, deviation, score } = judge(`${name} ${reading}`, value);
        console.log(
          JSON.stringify({ box: name, reading, value: Number(value.toFixed(2)), mean, deviation, score, anomaly: Math.abs(score) > 3 }),
        );
      }
    }
  } catch (error) {
    console.log(JSON.stringify({ error: error.message }));
  }
  setTimeout(round, everyMs);
}

await round();
