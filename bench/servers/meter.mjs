// Loaded into each measured server before its own code: tells its parent what processor time the process has taken (all its threads),
// or the longest stall of its event loop since it was last asked: by the clock, and by the processor time that it took meanwhile, which
// does not count what other processes took. A stall shows as a timer that comes too late; none is looked for before the first question.
const EVERY_MS = 1

const busyMs = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

let last
let longest = { clockMs: 0, busyMs: 0 }
const look = () => {
  const now = { clockMs: performance.now(), busyMs: busyMs() }
  longest = {
    clockMs: Math.max(longest.clockMs, now.clockMs - last.clockMs - EVERY_MS),
    busyMs: Math.max(longest.busyMs, now.busyMs - last.busyMs),
  }
  last = now
}
const longestStall = () => {
  if (!last) {
    last = { clockMs: performance.now(), busyMs: busyMs() }
    setInterval(look, EVERY_MS).unref()
  }
  look()
  const found = longest
  longest = { clockMs: 0, busyMs: 0 }
  return found
}
process.on('message', (question) => {
  if (question === 'busy?') process.send?.(busyMs())
  if (question === 'stall?') process.send?.(longestStall())
})
process.channel?.unref()
