-- Gives up all values: always, or unless the epoch is one of this run of the server. One that was restarted may hold
-- values of before, and not what was done to them since.
-- Key: the epoch. Arguments: new epoch, what one of this run begins with, 1 for always, channel, message.
local epoch = redis.call('GET', KEYS[1])
if ARGV[3] ~= '1' and epoch and epoch:sub(1, #ARGV[2]) == ARGV[2] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1])
redis.call('PUBLISH', ARGV[4], ARGV[5])
return 1
