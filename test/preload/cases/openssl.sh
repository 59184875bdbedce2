# SPDX-License-Identifier: MIT
# openssl: digests, ciphers, keys, a certificate that is verified, a signature.

needs="openssl"
packages="openssl"
proves="openssl"

prepare() {
    lines 50000 >"$PREPARED/data"
    openssl genrsa -out "$PREPARED/key.pem" 2048
    openssl ecparam -genkey -name prime256v1 -noout -out "$PREPARED/ec.pem"
    openssl req -x509 -new -key "$PREPARED/key.pem" -subj /CN=test -days 3000 -out "$PREPARED/cert.pem"
}

run() {
    local data=$PREPARED/data algorithm
    for algorithm in md5 sha1 sha256 sha3-512 blake2b512; do openssl dgst -$algorithm <"$data"; done
    for algorithm in aes-256-cbc aes-128-ctr chacha20 camellia-256-cbc; do
        openssl enc -$algorithm -pbkdf2 -iter 1000 -S 0102030405060708 -k word -in "$data" -out hidden
        sha256sum hidden
        openssl enc -d -$algorithm -pbkdf2 -iter 1000 -S 0102030405060708 -k word -in hidden | cmp - "$data" && echo $algorithm
    done
    openssl dgst -sha256 -sign "$PREPARED/key.pem" -out signature "$data"
    sha256sum signature
    openssl rsa -in "$PREPARED/key.pem" -pubout -out public.pem
    openssl dgst -sha256 -verify public.pem -signature signature "$data"
    openssl ec -in "$PREPARED/ec.pem" -pubout 2>/dev/null | openssl pkey -pubin -text -noout | sha256sum
    openssl verify -CAfile "$PREPARED/cert.pem" "$PREPARED/cert.pem"
    openssl x509 -in "$PREPARED/cert.pem" -noout -subject -issuer
    openssl asn1parse -in "$PREPARED/cert.pem" | wc -l
    openssl pkcs12 -export -inkey "$PREPARED/key.pem" -in "$PREPARED/cert.pem" -passout pass:x -out bag
    openssl pkcs12 -in bag -passin pass:x -nodes 2>&1 | grep -c BEGIN
    openssl prime 1000000007
    openssl genrsa 1024 2>/dev/null | openssl rsa -check -noout
    echo nonsense >bad
    status openssl x509 -in bad 2>&1 | sed 's/^[0-9A-F]*:/ID:/'
}
