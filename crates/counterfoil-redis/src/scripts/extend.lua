-- ARGV: token, lease ms.
if not live or token ~= ARGV[1] then
  return 0
end
lease = now + ARGV[2]
-- See settle.lua for the order.
local moved = redis.pcall('PEXPIREAT', KEYS[1], math.max(expires, lease))
if refused(moved) then return moved end
redis.call('HSET', KEYS[1], 'l', lease)
return 1
