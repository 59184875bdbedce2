# SPDX-License-Identifier: MIT
# nginx with three workers and a pool of threads: files, gzip, ranges, TLS, a proxy to itself, regular
# expressions, includes, uploads; a reload and a reopened log under load; a graceful end.

needs="python3 openssl"
packages="python3 openssl"
unpacks="nginx"
proves="nginx python3"

prepare() {
    local i
    mkdir -p "$PREPARED/site/files"
    for i in $(seq 0 39); do lines "$((i * 40 + 1))" "$((i + 1))" >"$PREPARED/site/files/$i"; done
    lines 40000 >"$PREPARED/site/large"
    echo '<!--#include virtual="/files/2" --> <!--#set var="a" value="b" --><!--#echo var="a" --> <!--#include virtual="/words/7" -->' >"$PREPARED/site/included.shtml"
    find "$PREPARED/site" -exec touch -d @1700000000 {} +
    openssl req -x509 -newkey rsa:2048 -nodes -keyout "$PREPARED/key.pem" -out "$PREPARED/cert.pem" -subj /CN=test -days 3000 2>&1
}

configuration() {
    cat <<END
worker_processes $1;
pid nginx.pid;
error_log server.log;
daemon off;
events { worker_connections 100; }
http {
    access_log access.log;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    proxy_cache_path cache levels=1:2 keys_zone=kept:1m;
    large_client_header_buffers 8 8k;
    gzip on;
    gzip_min_length 100;
    gzip_types text/plain;
    default_type text/plain;
    aio threads;
    sendfile $2;
    upstream itself { server unix:$PWD/back; keepalive 4; }
    map \$uri \$word { ~^/words/(?<last>.)\$ "one-\$last"; ~^/words/(?<first>.)(?<rest>.*) "\$rest-\$first"; }
    server {
        listen unix:$PWD/front;
        listen unix:$PWD/tls ssl http2;
        ssl_certificate $PREPARED/cert.pem;
        ssl_certificate_key $PREPARED/key.pem;
        root $PREPARED/site;
        location /files/ { autoindex on; }
        location /proxied/ {
            proxy_pass http://itself/;
            proxy_cache kept;
            proxy_cache_valid 1m;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }
        location /words/ { return 200 "\$word \$request_method \$args\n"; }
        location /old/ { rewrite ^/old/([0-9])(.*)\$ /new/\$2/\$1 redirect; }
        location /replaced/ { alias $PREPARED/site/files/; sub_filter "e" "(E)"; sub_filter_once off; sub_filter_types *; }
        location /store/ {
            root $PWD;
            dav_methods PUT DELETE;
            create_full_put_path on;
            client_max_body_size 1m;
            client_body_buffer_size 8k;
        }
        location ~ \.shtml\$ { ssi on; ssi_types *; }
    }
    server { listen unix:$PWD/back; root $PREPARED/site; }
}
END
}

run() {
    configuration 3 on >nginx.conf
    nginx -p "$PWD" -c nginx.conf -t 2>&1 | grep -c 'successful\|syntax is ok'
    server nginx -p "$PWD" -c nginx.conf
    until_true test -S tls -a -s nginx.pid
    python3 "$PROGRAMS/client.py" front
    python3 "$PROGRAMS/client.py" tls tls | sha256sum

    # new workers while the old ones answer
    python3 "$PROGRAMS/client.py" front >during &
    configuration 2 off >nginx.conf
    kill -HUP "$server"
    mv access.log access.old
    kill -USR1 "$server"
    wait $!
    sha256sum during
    python3 "$PROGRAMS/client.py" tls tls | sha256sum
    until_true test -s access.log
    find store -type f | sort | xargs sha256sum
    stop_server -QUIT
    # A worker that is told to end may find a connection open, and says so: that is not of interest.
    grep '\[\(alert\|crit\|emerg\)\]\|exited on signal' server.log |
        grep -v 'open socket .* left in connection\|: aborting$' || echo "no alerts"
}
