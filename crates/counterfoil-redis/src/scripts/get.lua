if not kept then
  return false
end
local note, reason = unpack(redis.call('HMGET', KEYS[1], 'm', 'r'))
return {state, token, attempts, live and lease - now or 0, first, expires, body, note, reason}
