#!/bin/sh
# SPDX-License-Identifier: MIT
# nginx under wrk: a page put together from parts (server-side includes), compressed on the way out.

if [ "${1:-}" = serve ]; then
    shift
    . "${0%/*}/common.sh"
    seconds=$3 own=$folder/$$ port=$((20000 + $$ % 12000))
    mkdir "$own"
    chmod 777 "$own"
    cat >"$own/nginx.conf" <<END
daemon off;
master_process off;
pid $own/pid;
error_log $own/error.log;
events { worker_connections 256; }
http {
    access_log off;
    client_body_temp_path $own/body;
    proxy_temp_path $own/proxy;
    fastcgi_temp_path $own/fastcgi;
    uwsgi_temp_path $own/uwsgi;
    scgi_temp_path $own/scgi;
    types { text/html html; }
    gzip on;
    gzip_min_length 1;
    server {
        listen 127.0.0.1:$port;
        root $folder;
        location / { ssi on; }
    }
}
END
    load() {
        until_there "$own/pid" || return 1
        sleep 0.05
        wrk --latency -t 1 -c 16 -d "$seconds" -H 'Accept-Encoding: gzip' \
            "http://127.0.0.1:$port/page.html" | wrk_figures
    }
    beside load
    become nginx -e "$own/error.log" -p "$own" -c "$own/nginx.conf"
fi
PATH=$PATH:/usr/sbin
. "${0%/*}/common.sh"
need nginx wrk awk
chmod 777 "$folder"
for i in 1 2 3 4 5 6 7 8; do
    awk -v i="$i" 'BEGIN { for (k = 0; k < 12; k++) printf "<p>Part %d, line %d: %d things.</p>\n", i, k, i * k * 37 }' >"$folder/part$i.html"
    echo "<!--#include virtual=\"/part$i.html\" -->"
done >"$folder/page.html"
words env "PATH=$PATH" /bin/sh "$0" serve "$folder" "$mode" "$(length 1 3)"
