#!/bin/sh
# SPDX-License-Identifier: MIT
# Every C and C++ source is laid out as `make format` would lay it out.
exec "$(dirname "$0")/../format.sh" --check
