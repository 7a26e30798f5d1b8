/**
 * Counts one call in all its counters, atomically, in one round trip, on Redis' own clock (`TIME`, so Redis 5 or newer). The
 * rules are those of `sliding-window.ts`, in microseconds.
 *
 * KEYS: one for each counter. Its value is `<start of the window> <current> <previous>`, and expires two windows after its
 * start, when nothing of it counts any more.
 *
 * ARGV: the cost; 1 to look only; the time in microseconds since 1970 (0: Redis' own); then for each counter its window in
 * microseconds, its limit, and 1 for a shadow.
 *
 * Answers for each counter: 1 when the call fits, the start of its window, the time since then, current, previous.
 */
export const TAKE_SCRIPT = `
local cost = tonumber(ARGV[1])
local isLook = ARGV[2] == '1'
local now = tonumber(ARGV[3])
if now == 0 then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000000 + tonumber(time[2])
end
local counters = {}
local isDenied = false
for i, key in ipairs(KEYS) do
  local window = tonumber(ARGV[3 * i + 1])
  local start, current, previous = string.match(redis.call('GET', key) or '', '^(%d+) (%d+) (%d+)$')
  start, current, previous = tonumber(start or now), tonumber(current or 0), tonumber(previous or 0)
  local windows = math.floor((now - start) / window)
  if windows == 1 then
    start, previous, current = start + window, current, 0
  elseif windows > 1 then
    previous, current = 0, 0
  end
  -- Kept even when nothing is taken: a clock that was set back would hold the window for as long.
  local isMoved = now < start
  if isMoved or (current == 0 and previous == 0) then start = now end
  local fits = current + previous * (1 - (now - start) / window) + cost <= tonumber(ARGV[3 * i + 2])
  if not fits and ARGV[3 * i + 3] ~= '1' then isDenied = true end
  counters[i] = { key = key, window = window, start = start, current = current, previous = previous, fits = fits, isMoved = isMoved }
end
local answer = {}
for i, counter in ipairs(counters) do
  local isTaken = counter.fits and not isDenied and not isLook
  if isTaken then counter.current = counter.current + cost end
  if isTaken or counter.isMoved then
    local value = string.format('%.0f %.0f %.0f', counter.start, counter.current, counter.previous)
    local ttl = math.max(1, math.ceil((counter.start + 2 * counter.window - now) / 1000))
    redis.call('SET', counter.key, value, 'PX', string.format('%.0f', ttl))
  end
  answer[5 * i - 4] = counter.fits and 1 or 0
  answer[5 * i - 3] = counter.start
  answer[5 * i - 2] = now - counter.start
  answer[5 * i - 1] = counter.current
  answer[5 * i] = counter.previous
end
return answer
`
