-- The value with the milliseconds it has left, or else a lease to fill it in.
-- Arguments: epoch if there is none, token, milliseconds of the lease, 1 if the value is wanted.
if ARGV[4] == '1' and is_whole() then
  return {0, redis.call('PTTL', KEYS[1]), redis.call('HGETALL', KEYS[1])}
end
if redis.call('SET', KEYS[2], epoch .. ARGV[2], 'NX', 'PX', ARGV[3]) then
  return {1}
end
return {2}
