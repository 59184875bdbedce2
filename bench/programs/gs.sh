#!/bin/sh
# SPDX-License-Identifier: MIT
# Ghostscript: pages of text, curves and shadings, rendered to a bitmap that is thrown away.
. "${0%/*}/common.sh"
need gs

cat >"$folder/pages.ps" <<END
%!PS-Adobe-3.0
/pages $(length 8 70) def
END
cat >>"$folder/pages.ps" <<'END'
/seed 42 def
/below { /seed seed 16807 mul 65521 mod cvi def seed exch mod } bind def
1 1 pages {
    /page exch def
    /Times-Roman findfont 9 scalefont setfont
    40 12 760 {
        36 exch moveto
        10 { /number 100000 below def number 10 string cvs show ( words of page ) show } repeat
    } for
    150 {
        500 below 700 below moveto
        600 below 800 below 600 below 800 below 600 below 800 below curveto
        100 below 100 div 100 below 100 div 100 below 100 div setrgbcolor
        4 below 1 add setlinewidth stroke
    } repeat
    60 {
        gsave 500 below 700 below translate 360 below rotate
        0 0 moveto 60 0 lineto 60 60 lineto closepath
        100 below 100 div setgray fill grestore
    } repeat
    /dict1 400 dict def
    0 1 300 { dup 20 string cvs cvn exch 10 array dict1 3 1 roll put } for
    showpage
} for
END
words gs -q -dBATCH -dNOPAUSE -dSAFER -sDEVICE=ppmraw -r100 -sOutputFile=/dev/null \
    "$folder/pages.ps"
