// Writes a recording to play with: node examples/recording.mjs > pump.csv
// Ten minutes of a pump at 20 Hz: pressure (kPa) that wanders and pulses, temperature (°C) that drifts; some samples are
// missing, as in life. The same numbers at each run.
let state = 20;
const random = () => {
  state = (1_664_525 * state + 1_013_904_223) % 2 ** 32;
  return state / 2 ** 32;
};
const noise = () => random() + random() + random() - 1.5;

console.log('time_s,pressure_kPa,temperature_C');
let load = 0;
for (let i = 0; i < 12_000; i++) {
  const time = i / 20;
  load += 0.02 * noise();
  const pressure =
    310 + 4 * Math.sin(time / 9) + 3 * load + 1.5 * Math.sin(2 * Math.PI * 3.1 * time) + 2 * noise();
  const temperature = 41 + time / 300 + 0.4 * noise();
  const lost = random() < 0.002;
  console.log(`${time.toFixed(2)},${lost ? '' : pressure.toFixed(2)},${temperature.toFixed(2)}`);
}
