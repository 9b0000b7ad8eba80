-- The similarity index on built-in types: what one would run without the module.
--
-- The data model is that of the index that Sentry wrote in 2017; the code is this project's own.
-- Two kinds of key, both for one interval of time and one band:
--
--   scope:index:f:interval:band:item     hash     bucket -> count: the bucket frequencies of an item
--   scope:index:m:interval:band:bucket   set      items: the members of a bucket
--
-- EVALSHA sha 1 scope COMMAND timestamp bands interval retention ...
--
--   RECORD   item (index bucket * bands)*          for each index, the new count in each band
--   CLASSIFY limit (index bucket * bands)*         for each index, [item, score] pairs, best first
--   COMPARE  limit item index*                     the same, for an item that was recorded
--   MERGE    destination (index source)*           moves the counts of each source
--   DELETE   (index item)*
--
-- A query looks at the interval of its timestamp and the `retention` ones before it. The score of two
-- items is the mean over bands of 1 - L1/2 of their frequencies, scaled to a sum of 1. A limit of 0
-- means no limit. Keys expire when their interval has left the window of "now".

local call = redis.call

local scope = KEYS[1]
local command = ARGV[1]
local timestamp = tonumber(ARGV[2])
local bands = tonumber(ARGV[3])
local interval = tonumber(ARGV[4])
local retention = tonumber(ARGV[5])
local current = math.floor(timestamp / interval)

local function frequencies_key(index, at, band, item)
    return scope .. ':' .. index .. ':f:' .. at .. ':' .. band .. ':' .. item
end

local function members_key(index, at, band, bucket)
    return scope .. ':' .. index .. ':m:' .. at .. ':' .. band .. ':' .. bucket
end

local function expiry(at)
    return (at + 1 + retention) * interval
end

-- Adds to the count of one bucket of an item, and returns the new count.
local function add(index, at, band, bucket, item, count)
    local members = members_key(index, at, band, bucket)
    if call('SADD', members, item) == 1 then
        call('EXPIREAT', members, expiry(at))
    end
    local frequencies = frequencies_key(index, at, band, item)
    local sum = call('HINCRBY', frequencies, bucket, count)
    call('EXPIREAT', frequencies, expiry(at))
    return sum
end

-- The prefix of the keys of item frequencies, for each band and interval of the window.
local function frequency_prefixes(index)
    local prefixes = {}
    for band = 1, bands do
        local of_band = {}
        for at = current - retention, current do
            of_band[#of_band + 1] = frequencies_key(index, at, band, '')
        end
        prefixes[band] = of_band
    end
    return prefixes
end

-- For each band, an item's counts summed over the window, and their total.
local function profile(prefixes, item)
    local counts, totals = {}, {}
    for band = 1, bands do
        local of_band, total = {}, 0
        for _, prefix in ipairs(prefixes[band]) do
            local flat = call('HGETALL', prefix .. item)
            for i = 1, #flat, 2 do
                local bucket, count = flat[i], tonumber(flat[i + 1])
                of_band[bucket] = (of_band[bucket] or 0) + count
                total = total + count
            end
        end
        counts[band], totals[band] = of_band, total
    end
    return counts, totals
end

-- The items that share a bucket with these counts, anywhere in the window.
local function candidates(index, counts)
    local found, seen = {}, {}
    for band = 1, bands do
        for bucket in pairs(counts[band]) do
            for at = current - retention, current do
                for _, item in ipairs(call('SMEMBERS', members_key(index, at, band, bucket))) do
                    if not seen[item] then
                        seen[item] = true
                        found[#found + 1] = item
                    end
                end
            end
        end
    end
    return found
end

-- 1 - L1/2 of two scaled frequencies is their overlap: the sum of the lesser of the two.
local function similarity(counts, totals, other_counts, other_totals)
    local sum = 0
    for band = 1, bands do
        local others, total, other_total = other_counts[band], totals[band], other_totals[band]
        for bucket, count in pairs(counts[band]) do
            local other = others[bucket]
            if other then
                sum = sum + math.min(count / total, other / other_total)
            end
        end
    end
    return sum / bands
end

local function better(a, b)
    if a[2] ~= b[2] then
        return a[2] > b[2]
    end
    return a[1] < b[1]
end

-- [item, score] for each candidate, best first, at most as many as the limit.
local function search(index, limit, counts, totals)
    local prefixes = frequency_prefixes(index)
    local found = {}
    for _, item in ipairs(candidates(index, counts)) do
        found[#found + 1] = { item, similarity(counts, totals, profile(prefixes, item)) }
    end
    table.sort(found, better)
    local reply = {}
    for i = 1, limit == 0 and #found or math.min(limit, #found) do
        reply[i] = { found[i][1], string.format('%.9f', found[i][2]) }
    end
    return reply
end

-- Calls f with each index of `index bucket * bands ...` and the position of its first bucket in ARGV.
local function each_signature(first, f)
    assert((#ARGV - first + 1) % (bands + 1) == 0, 'a signature is an index and one bucket for each band')
    for i = first, #ARGV, bands + 1 do
        f(ARGV[i], i + 1)
    end
end

-- Calls f with each pair of arguments.
local function each_pair(first, f)
    assert((#ARGV - first) % 2 == 1, 'an index has no item')
    for i = first, #ARGV, 2 do
        f(ARGV[i], ARGV[i + 1])
    end
end

-- Removes an item from the window. Calls f with each of its frequencies before it is deleted.
local function remove(index, item, f)
    for band = 1, bands do
        for at = current - retention, current do
            local frequencies = frequencies_key(index, at, band, item)
            local flat = call('HGETALL', frequencies)
            for i = 1, #flat, 2 do
                call('SREM', members_key(index, at, band, flat[i]), item)
                if f then
                    f(at, band, flat[i], flat[i + 1])
                end
            end
            if #flat > 0 then
                call('DEL', frequencies)
            end
        end
    end
end

local commands = {}

function commands.RECORD()
    local item, replies = ARGV[6], {}
    each_signature(7, function(index, first)
        local counts = {}
        for band = 1, bands do
            counts[band] = add(index, current, band, ARGV[first + band - 1], item, 1)
        end
        replies[#replies + 1] = counts
    end)
    return replies
end

function commands.CLASSIFY()
    local limit, replies = tonumber(ARGV[6]), {}
    each_signature(7, function(index, first)
        local counts, totals = {}, {}
        for band = 1, bands do
            counts[band], totals[band] = { [ARGV[first + band - 1]] = 1 }, 1
        end
        replies[#replies + 1] = search(index, limit, counts, totals)
    end)
    return replies
end

function commands.COMPARE()
    local limit, item, replies = tonumber(ARGV[6]), ARGV[7], {}
    for i = 8, #ARGV do
        replies[#replies + 1] = search(ARGV[i], limit, profile(frequency_prefixes(ARGV[i]), item))
    end
    return replies
end

function commands.MERGE()
    local destination = ARGV[6]
    each_pair(7, function(_, source)
        assert(source ~= destination, 'an item cannot be merged into itself')
    end)
    each_pair(7, function(index, source)
        remove(index, source, function(at, band, bucket, count)
            add(index, at, band, bucket, destination, count)
        end)
    end)
end

function commands.DELETE()
    each_pair(6, function(index, item)
        remove(index, item)
    end)
end

return commands[command]()
