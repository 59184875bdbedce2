# SPDX-License-Identifier: MIT
# php, with its own memory manager and (USE_ZEND_ALLOC=0) on malloc alone.

needs="php"
packages="php-cli"
proves="php"

run() {
    php -n "$PROGRAMS/work.php"
    USE_ZEND_ALLOC=0 php -n "$PROGRAMS/work.php"
    status php -n -r '$a = range(1, 100000); exit(8);'
}
