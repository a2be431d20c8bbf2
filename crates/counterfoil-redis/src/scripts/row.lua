-- Begins every script: the row of KEYS[1] as it is now. `kept` is false where there is none, or where it may go.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local version, state, token, lease, expires, body, attempts, first =
  unpack(redis.call('HMGET', KEYS[1], 'v', 's', 't', 'l', 'e', 'f', 'n', 'b'))

-- Up to 2^53, beyond which adding one to a number of Lua may change nothing.
local function number(text)
  local value = string.find(text or '', '^%d+$') and tonumber(text)
  return value and value < 9007199254740992 and value
end

local found = version ~= false or redis.call('EXISTS', KEYS[1]) == 1
if found and version ~= '1' then
  return redis.error_reply('NEWER this release knows rows of version 1, not ' .. tostring(version))
end
local last = number(token)
lease, expires, attempts = number(lease or '0'), number(expires), number(attempts)
if found and not (string.find(state or '', '^[0123]$') and last and lease and expires and attempts) then
  return redis.error_reply('DAMAGED no version of the store writes such a row')
end
local live = state == '1' and lease > now
local kept = found and (live or expires > now)

-- The first write of a script goes through this, so that a refusal keeps its code in every version of Redis.
local function refused(reply)
  return type(reply) == 'table' and reply.err ~= nil
end

