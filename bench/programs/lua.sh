#!/bin/sh
# SPDX-License-Identifier: MIT
# Lua: tables as records and as maps, strings by concatenation, closures, a queue; one million objects.
. "${0%/*}/common.sh"
need lua5.4

cat >"$folder/objects.lua" <<'END'
local count, rounds = tonumber(arg[1]), tonumber(arg[2])
local seed = 1
local function below(n) seed = (seed * 16807) % 2147483647; return seed % n end
local total = 0
for round = 1, rounds do
    local people, by_name, queue = {}, {}, {}
    for i = 1, count do
        local person = {name = "name" .. i .. "-" .. below(1000), age = below(90), likes = {}}
        for k = 1, below(4) do person.likes[k] = below(count) + 1 end
        function person.greet(other) return person.name .. " greets " .. other.name end
        people[i] = person
        by_name[person.name] = person
    end
    for i = 1, count do
        local person = people[below(count) + 1]
        for _, other in ipairs(person.likes) do
            queue[#queue + 1] = person.greet(people[other])
        end
        if #queue > 1000 then
            total = total + #table.concat(queue, "\n")
            queue = {}
        end
        if i % 3 == 0 then by_name[people[i].name] = nil end
    end
    for name, person in pairs(by_name) do total = total + #name:upper():gsub("NAME", "") + person.age end
end
print(total)
END
words lua5.4 "$folder/objects.lua" "$(length 15000 30000)" "$(length 2 6)"
