if found then
  local removed = redis.pcall('DEL', KEYS[1])
  if refused(removed) then return removed end
end
return kept and 1 or 0
