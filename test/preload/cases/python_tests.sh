# SPDX-License-Identifier: MIT
# Python's own regression tests, twenty modules on malloc alone: which pass must be the same. The
# Python is the unpacked one, so that it fits the tests.

needs="awk"
packages="mawk"
unpacks="libpython3.11-testsuite python3.11 python3.11-minimal libpython3.11-stdlib libpython3.11-minimal"
proves="python3.11"

# tests ARGUMENT...: the cases of those modules and how they ended, in alphabetical order.
tests() {
    status timeout 100 python3.11 -m test -q -j2 --junit-xml "$PWD/report.xml" "$@" >log 2>&1
    python3.11 - <<'END'
import xml.etree.ElementTree as tree
for case in sorted(tree.parse("report.xml").iter("testcase"), key=lambda case: case.get("name")):
    result = [child.tag for child in case if child.tag not in ("system-out", "system-err")]
    print(case.get("name"), *(result or [case.get("result") or "ok"]))
END
}

run() {
    export PYTHONHOME=$UNPACKED/usr
    tests -i '*_large_*' -i '*interrupt*' -i '*test_timeout*' test_list test_dict test_re test_threading \
        test_gc test_ctypes test_decimal test_mmap test_zlib test_bytes test_unicode test_thread \
        test_deque test_ordered_dict test_xml_etree_c test_array test_fork1
    tests -m '*WithProcessesTestQueue*' -m '*WithThreadsTestPool.test_[e-i]*' \
        -m '*ProcessPoolFork*.test_[ks]*' -i '*lock*' test_multiprocessing_fork test_concurrent_futures
}
