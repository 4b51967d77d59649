-- A row was written: it is put in the place of exactly the version it replaced, else the value goes.
-- Arguments: epoch if there is none, block, channel, message, field of the row, the eight bytes of the version that it
-- replaced (none: empty; unknown: `?`), new value, what fields of the owner's deltas begin with.
-- A value of a row begins with eight bytes of version and eight of the bucket it is folded through.
local result = 0
if is_whole() then
  local known = redis.call('HGET', KEYS[1], ARGV[5])
  if known == ARGV[7] then
    result = 2
  elseif (known and known:sub(1, 8) or '') == ARGV[6] then
    redis.call('HSET', KEYS[1], ARGV[5], ARGV[7])
    local folded = ARGV[7]:sub(9, 16)
    for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
      if field:sub(1, #ARGV[8]) == ARGV[8] and at_most(field:sub(#ARGV[8] + 1, #ARGV[8] + 8), folded) then
        redis.call('HDEL', KEYS[1], field)
      end
    end
    result = 1
  end
end
if result == 0 then
  redis.call('DEL', KEYS[1])
end
written(ARGV[2], ARGV[3], ARGV[4])
return result
