-- SPDX-License-Identifier: MIT
-- Work for the case lua.
local state = 1
local function draw(limit)
    state = state * 16807 % 2147483647
    return state % limit
end

local count, list = {}, {}
for i = 1, 200000 do
    local key = "k" .. draw(5000)
    count[key] = (count[key] or 0) + 1
    list[#list + 1] = {key, i}
    if i % 3 == 0 then table.remove(list, #list // 2 + 1 - #list // 2 + draw(3)) end
    if #list > 3000 then list = table.move(list, 2000, #list, 1, {}) end
end
local keys = {}
for key in pairs(count) do keys[#keys + 1] = key end
table.sort(keys, function(a, b) return count[a] > count[b] or count[a] == count[b] and a < b end)
print("tables", #keys, keys[1], count[keys[1]], #list)

local parts = {}
for i = 1, 50000 do parts[i] = string.format("%05d-%s", i, ("x"):rep(i % 40)) end
local text = table.concat(parts, " ")
local changed, times = text:gsub("(%d+)%-(x+)", function(n, x) return x:upper() .. n end)
print("strings", #text, #changed, times, changed:sub(100, 120), select(2, text:gsub("x", "")))

local weak = setmetatable({}, {__mode = "v"})
local closed = 0
for i = 1, 100000 do
    local object = setmetatable({i, {i}}, i % 100 == 0 and {__gc = function() closed = closed + 1 end} or nil)
    object.self = object
    weak[i] = object
end
collectgarbage() collectgarbage()
print("garbage", next(weak) == nil, closed)

local threads, sum = {}, 0
for i = 1, 3000 do
    threads[i] = coroutine.wrap(function(n) for step = 1, 10 do n = n + coroutine.yield(n * step) end return n end)
    threads[i](i)
end
for _ = 1, 10 do for i, thread in ipairs(threads) do sum = sum + thread(i) end end
print("coroutines", sum, pcall(threads[1]))

local function deep(n) if n == 0 then return 0 end return 1 + deep(n - 1) end
print("recursion", deep(150000), pcall(string.rep, "x", 1 << 62))
local code = {}
for i = 1, 3000 do code[i] = ("local function f%d(a) return a .. '%d' end t[%d] = f%d(%d)"):format(i % 150, i, i, i % 150, i) end
for i = 1, #code, 100 do load("t = t or {} " .. table.concat(code, "\n", i, i + 99))() end
print("compiled", #t, t[3000])
