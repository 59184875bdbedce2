# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Work for the case bash: builtins as far as possible, so that it is bash that allocates.

declare -A count
declare -a list
text=
for ((i = 0; i < 30000; i++)); do
    key="key$((i * 7919 % 1000))"
    ((count[$key] += i))
    list[i * 3]=$key
    ((i % 100)) || text+="$key,"
done
echo "${#count[@]} keys, ${#list[@]} elements, ${#text} characters, key7: ${count[key7]}"
for key in "${!count[@]}"; do echo "$key ${count[$key]}"; done | sort | sha256sum

IFS=, read -ra parts <<<"$text"
echo "${#parts[@]} parts, reversed: ${parts[-1]} ${parts[*]: -3:2}"
big=$(printf 'x%.0s' {1..20000})
big=${big//x/yz}
echo "${#big} ${big:5:10} ${big^^[y]}" | cut -c 1-40
date="2023-11-14 date"
[[ $date =~ ^([0-9]+)-([0-9]+)-([0-9]+)\ (.*)$ ]] && echo "${BASH_REMATCH[@]:1}"

fib() {
    (($1 < 2)) && echo "$1" && return
    echo $(($(fib $(($1 - 1))) + $(fib $(($1 - 2)))))
}
echo "fib in subshells: $(fib 11)"

deep() { if (($1)); then local frame=$1$1$1 && deep $(($1 - 1)); else echo "deep enough"; fi; }
deep 800

mapfile -t lines < <(for i in {1..5000}; do echo "line $i"; done)
echo "${#lines[@]} ${lines[4999]}"
coproc double { while read -r n; do echo $((n * 2)); done; }
to_double=${double[1]}
for i in 1 20 300; do
    echo "$i" >&"$to_double"
    read -r answer <&"${double[0]}"
    echo "coprocess: $answer"
done
exec {to_double}>&-
wait

f() { trap 'echo "return trap"' RETURN && local -n ref=$1 && ref+=("added"); }
f lines
echo "${lines[-1]}"
(trap 'echo "exit trap"' EXIT && exit 3) || echo "subshell: $?"
eval "$(for i in {1..300}; do echo "fun_$i() { echo \$((\$1 + $i)); }"; done)"
echo "$(fun_1 1) $(fun_300 1) $(declare -F | wc -l)"
printf -v padded '%-30s|%05d|%x' word 42 255
echo "$padded"
for i in {1..100}; do : & done
wait
diff <(printf '%s\n' "${!count[@]}" | sort) <(printf '%s\n' "${!count[@]}" | sort -r | sort) && echo same
echo "${list[@]:30:3}" {a..e}{1..3} ${text:+set}
