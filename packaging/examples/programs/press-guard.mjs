// Watches the vibration of a press and says when it must be stopped. One of it must run, never two: two guards could fight over the stop.
const limit = Number(process.env.LIMIT_MM_S ?? 7.1);
let phase = 0;

// Stands in for the reading of the device: a press stroke with a slow drift.
function reading() {
  phase += 0.35;
  return 3 + 1.5 * Math.sin(phase) + 0.4 * Math.sin(phase / 40);
}

let strokes = 0;
let worst = 0;
setInterval(() => {
  const value = reading();
  strokes += 1;
  worst = Math.max(worst, value);
  if (value > limit) console.log(JSON.stringify({ press: 'press-1', alarm: true, value: Number(value.toFixed(2)) }));
  if (strokes % 50 === 0) console.log(JSON.stringify({ press: 'press-1', strokes, worst: Number(worst.toFixed(2)), limit }));
}, 100);
process.on('SIGTERM', () => process.exit(0));
