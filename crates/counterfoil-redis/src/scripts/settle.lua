-- ARGV: token, new state, and the reason where there is one. The key keeps the lifetime that the claim gave it.
if state ~= '1' or token ~= ARGV[1] then
  return 0
end
-- A full server refuses what may grow, unless the script has written before: what is in hand can still be settled.
local removed = redis.pcall('HDEL', KEYS[1], 'l')
if refused(removed) then return removed end
redis.call('HSET', KEYS[1], 's', ARGV[2])
if ARGV[3] then
  redis.call('HSET', KEYS[1], 'r', ARGV[3])
end
return 1
