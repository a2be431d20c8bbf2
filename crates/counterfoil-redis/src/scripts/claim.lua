-- ARGV: fingerprint, lease ms, retention ms, '1' to park, note.
-- Answers {0, token, attempt} for won, {1, ms left, 0} for in flight, {2 or 3, 1 where the body is the same, 0}.
if live then
  return {1, lease - now, 0}
end
if kept and state == '1' and ARGV[4] == '1' then
  -- See settle.lua for the order.
  local parked = redis.pcall('HDEL', KEYS[1], 'l')
  if refused(parked) then return parked end
  redis.call('HSET', KEYS[1], 's', '3', 'r', 'outcome unknown')
  state = '3'
end
if kept and (state == '2' or state == '3') then
  return {tonumber(state), body == ARGV[1] and 1 or 0, 0}
end
token = string.format('%.0f', math.max((last or 0) + 1, time[1] * 1000000 + time[2]))
lease, expires = now + ARGV[2], math.max(expires or 0, now + ARGV[3])
if kept then
  attempts = math.min(attempts + 1, 4294967295)
else
  attempts, first = 1, now
end
local written = redis.pcall('HSET', KEYS[1], 'v', '1', 's', '1', 't', token, 'l', lease, 'e', expires,
  'f', ARGV[1], 'n', attempts, 'b', first, 'm', ARGV[5])
if refused(written) then return written end
if found and not kept then
  redis.call('HDEL', KEYS[1], 'r')
end
redis.call('PEXPIREAT', KEYS[1], math.max(expires, lease))
return {0, token, attempts}
