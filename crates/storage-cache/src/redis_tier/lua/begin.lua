-- What all scripts of the cache begin with. Keys: a cart's value, its lease, the epoch.
-- A value counts only under the epoch that it was stored in, so that a new epoch gives up all values at once; it is a hash
-- of rows with the epoch in field `c`. A lease is `<epoch><token>` of whoever fills the value in, or `-`: nobody may.
local epoch = redis.call('GET', KEYS[3])
if not epoch then
  epoch = ARGV[1]
  redis.call('SET', KEYS[3], epoch)
end

-- A write was done: whoever is filling loses the lease, for `block` milliseconds nobody gets one, and all nodes are told.
local function written(block, channel, message)
  local is_blocked = redis.call('GET', KEYS[2]) == '-'
  local wanted = tonumber(block)
  if wanted > 0 and not (is_blocked and redis.call('PTTL', KEYS[2]) >= wanted) then
    redis.call('SET', KEYS[2], '-', 'PX', block)
  elseif wanted == 0 and not is_blocked then
    redis.call('DEL', KEYS[2])
  end
  redis.call('PUBLISH', channel, message)
end

local function is_whole()
  return redis.call('HGET', KEYS[1], 'c') == epoch
end

-- Whether a number of eight bytes is at most another. Not `<=`: that goes by the server's locale.
local function at_most(a, b)
  for i = 1, 8 do
    if a:byte(i) ~= b:byte(i) then
      return a:byte(i) < b:byte(i)
    end
  end
  return true
end
