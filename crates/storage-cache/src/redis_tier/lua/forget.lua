-- A cart was written: its value goes.
-- Arguments: epoch if there is none, block, channel, message.
redis.call('DEL', KEYS[1])
written(ARGV[2], ARGV[3], ARGV[4])
return 0
