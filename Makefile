# SPDX-License-Identifier: MIT
#
# The menu. The build itself is CMake's (CMakeLists.txt); each entry here installs what it needs,
# builds what it needs, and runs one thing.

PREFIX ?= /usr/local
JOBS   := $(shell nproc)
MAKEFLAGS += --no-print-directory

.NOTPARALLEL:
.PHONY: help deps build build-tests run test check bench bench-paths bench-probes bench-kit lint format soak amalgamation site install packages clean

help: ## show this menu
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

deps: ## install whatever build, run and test need and this machine lacks
	@scripts/install-deps.sh build run test

build: ## release build into build/ (CC=clang make build: another compiler, in a fresh build/)
	@scripts/install-deps.sh build
	@cmake --preset release $(if $(wildcard build/CMakeCache.txt),,-DCAIRN_TESTS=OFF)
	@cmake --build build --parallel $(JOBS)

build-tests:
	@scripts/install-deps.sh build test
	@cmake --preset release -DCAIRN_TESTS=ON
	@cmake --build build --parallel $(JOBS)

run: ## see it at work: a real program under every allocator on this machine (under a minute)
	@scripts/install-deps.sh build run
	@$(MAKE) build
	@scripts/demo.sh

test: ## all tests, then those of the sanitizer builds; ends with `N passed, N failed, N skipped`
	@scripts/install-deps.sh build test
	@scripts/test.sh

check: build-tests ## the quick tests only (label unit)
	@ctest --test-dir build -L unit --output-on-failure --no-tests=error --parallel $(JOBS)

bench: ## the suite under every allocator on this machine (25 minutes; make bench BENCH=--quick: 2)
	@scripts/install-deps.sh build run bench
	@$(MAKE) build
	@build/bin/cairn bench $(BENCH)

bench-paths: build ## instructions per malloc and free, path by path
	@command -v valgrind >/dev/null || scripts/install-deps.sh test
	@bench/paths/run.sh

bench-probes: build ## time and memory, probe by probe, under every allocator on this machine (minutes)
	@bench/probes/run.sh

bench-kit: build ## the kit beside APR, talloc, GLib, Boost, std::pmr and obstack (a minute)
	@scripts/install-deps.sh bench
	@bench/kit/run.sh

lint: ## floors, sizes, headers, symbols, format, docs: every rule that a script can hold
	@scripts/lint.sh

format: ## lay out the sources with clang-format
	@scripts/format.sh

soak: build-tests ## the long tests (label soak) at a hundred times their usual length
	@scripts/install-deps.sh packages
	@CAIRN_TEST_SCALE=100 ctest --test-dir build -C soak -L soak --output-on-failure --no-tests=error

amalgamation: ## the library as one file: build/amalgamation/cairn.c and cairn.h
	@scripts/amalgamate.sh

site: ## the documents and the reference of the API as pages, into build/site (no network)
	@scripts/install-deps.sh site
	@python3 scripts/docs/site.py . build/site

install: build ## install below PREFIX (default /usr/local), DESTDIR is put before it
	@DESTDIR='$(DESTDIR)' cmake --install build --prefix '$(PREFIX)'

packages: ## Debian packages, in build/debian
	@scripts/install-deps.sh build packages
	@scripts/packages.sh

clean: ## remove build/
	@rm -rf build
