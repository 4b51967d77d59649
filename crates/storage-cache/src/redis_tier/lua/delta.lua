-- A delta was appended: it is added to a whole value unless the owner's row has folded it.
-- Arguments: epoch if there is none, block, channel, message, field of the owner's row, eight bytes of the delta's bucket,
-- field of the delta, its value.
local result = 0
if is_whole() then
  local row = redis.call('HGET', KEYS[1], ARGV[5])
  if row and at_most(ARGV[6], row:sub(9, 16)) then
    result = 2
  else
    redis.call('HSET', KEYS[1], ARGV[7], ARGV[8])
    result = 1
  end
end
written(ARGV[2], ARGV[3], ARGV[4])
return result
