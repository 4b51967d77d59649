-- Stores a whole value for whoever still has the lease.
-- Arguments: epoch if there is none, token, milliseconds to live, then fields and their values.
if redis.call('GET', KEYS[2]) ~= epoch .. ARGV[2] then
  return 0
end
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('HSET', KEYS[1], 'c', epoch)
for i = 4, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
