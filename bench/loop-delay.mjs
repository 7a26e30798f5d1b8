// Loaded into the measured server before its own code: tells its parent, whenever asked, the longest stall of the event loop since it
// was last asked, in milliseconds: by the clock, and by the processor time that the process took meanwhile (all its threads), which
// does not count what other processes took. A stall shows as a timer that comes too late.
const EVERY_MS = 1

const busyMs = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

let last = { clockMs: performance.now(), busyMs: busyMs() }
let longest = { clockMs: 0, busyMs: 0 }
const look = () => {
  const now = { clockMs: performance.now(), busyMs: busyMs() }
  longest = {
    clockMs: Math.max(longest.clockMs, now.clockMs - last.clockMs - EVERY_MS),
    busyMs: Math.max(longest.busyMs, now.busyMs - last.busyMs),
  }
  last = now
}
setInterval(look, EVERY_MS).unref()
process.on('message', () => {
  look()
  process.send?.(longest)
  longest = { clockMs: 0, busyMs: 0 }
})
process.channel?.unref()
