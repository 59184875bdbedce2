# SPDX-License-Identifier: MIT
# make -j2: generated sources, pattern rules, functions, a recursive make, and an up-to-date check.

needs="make gcc"
packages="make gcc libc6-dev"
proves="make"
files="words list"

prepare() {
    cat >"$PREPARED/Makefile" <<'END'
numbers := $(shell seq 1 40)
parts := $(patsubst %,part%.txt,$(numbers))
sources := $(notdir $(wildcard $(PROGRAMS)/words/*.c))
vpath %.c $(PROGRAMS)/words
define rule
part$(1).txt: | dir
	@seq 1 $(1)0 | sort -r > $$@
endef
all: words list
$(foreach n,$(numbers),$(eval $(call rule,$(n))))
dir:
	@mkdir $@
list: $(parts)
	@cat $(sort $(parts)) > $@
words: $(sources:.c=.o)
	@$(CC) -o $@ $(sort $^)
%.o: %.c
	@$(CC) -std=gnu17 -O1 -c -o $@ $<
sub:
	@$(MAKE) --no-print-directory -C dir -f $(PREPARED)/Makefile list
big := $(foreach a,$(numbers),$(foreach b,$(numbers),$(a)-$(b)))
count:
	@echo $(words $(sort $(big))) $(lastword $(big)) $(words $(filter %-7,$(big)))
.PHONY: all sub count
END
}

run() {
    make -s -j2 -f "$PREPARED/Makefile"
    ./words list "$PREPARED/Makefile"
    make -q -f "$PREPARED/Makefile" && echo "up to date"
    touch part7.txt
    status make -q -f "$PREPARED/Makefile"
    make -s -j2 -f "$PREPARED/Makefile" sub count
    make -n -B -f "$PREPARED/Makefile" | sort | sha256sum
    status make -f "$PREPARED/Makefile" nothing
}
