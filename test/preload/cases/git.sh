# SPDX-License-Identifier: MIT
# git: 300 files in 40 commits on two branches, merged, packed with threads, cloned and checked.

needs="git"
packages="git"
proves="git"

prepare() {
    lines 30000 >"$PREPARED/lines"
    split -a 3 -n l/300 "$PREPARED/lines" "$PREPARED/file."
}

# write COMMIT: changes some of the files, each time others.
write() {
    local n=0 file
    for file in "$PREPARED"/file.*; do
        n=$((n + 1))
        [ $(((n * 31 + $1) % 9)) -eq 0 ] || continue
        sed "$(($1 + 1))s/\$/ changed in $1/; $((n % 90 + 1))d" "$file" >"dir$((n % 7))/${file##*/}"
    done
}

run() {
    git init -q -b main repo
    cd repo
    git config gc.auto 0
    git config pack.threads 2
    mkdir dir0 dir1 dir2 dir3 dir4 dir5 dir6
    for commit in $(seq 1 30); do
        write "$commit"
        git add -A
        git commit -q -m "commit $commit" -m "with a body"
        [ "$commit" != 10 ] || git branch side
    done
    git checkout -q side
    for commit in $(seq 31 40); do
        mkdir -p "side$((commit % 3))"
        lines 200 "$commit" >"side$((commit % 3))/$commit"
        git add -A
        git commit -q -m "side $commit"
    done
    git checkout -q main
    git merge --no-ff -m merge side | tail -n 3
    git tag -a -m "the tag" v1
    git rev-parse HEAD 'HEAD^{tree}' v1
    git gc -q --aggressive --prune=now
    git repack -q -a -d -f --depth=20 --window=20 --threads=2
    git count-objects -v | grep -E '^(count|in-pack|packs|garbage):'
    git fsck --full --strict
    git log --graph --oneline --stat | sha256sum
    git log -p --format='%H %an %ad %s' -M -C | sha256sum
    git diff --stat HEAD~15 | tail -n 1
    git diff --word-diff HEAD~5 HEAD | sha256sum
    git blame -w -C "$(git ls-files dir3 | sed -n 5p)" | awk '{ print $1 }' | sort | uniq -c
    git log -S'changed in 7' --format=%s | tail -n 3
    git grep -c -E 'changed in [12]' HEAD -- dir1 | sha256sum
    git clone -q "file://$PWD" ../clone
    cd ../clone
    git log --oneline origin/side | wc -l
    git archive --format=tar HEAD | tar -t | wc -l
    git rebase -q --onto HEAD~20 HEAD~5
    git rev-parse HEAD
    echo changed >>dir1/new && git add . && git stash -q && git stash list && git stash pop -q
    git status --porcelain
    git format-patch -q -3 -o ../patches origin/side
    git bundle create -q ../bundle --all
    git bundle verify -q ../bundle
    cat ../patches/* | sed '/^-- $/,+1d' | sha256sum
}
