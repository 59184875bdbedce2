#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Code and texts stand on their own: no mention of the circumstances in which they were written, no
# paths of one machine, no numbers of a tracker that the reader cannot open.

cd "$(dirname "$0")/../.." || exit 2

patterns='\bsessions?\b
(^|[^[:alnum:]_.])/work/
\bissue #'

scripts/list-files.sh | grep -vx scripts/lint/words.sh | tr '\n' '\0' |
    xargs -0 -r grep -nIiE -e "$patterns" -- /dev/null |
    sed -E 's/^([^:]*:[0-9]+:)/\1 not in our texts: /' | { ! grep . ; }
