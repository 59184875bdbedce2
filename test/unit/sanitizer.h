/* SPDX-License-Identifier: MIT */
/* UNIT_ASAN: whether AddressSanitizer is in this build. */
#ifndef TEST_UNIT_SANITIZER_H
#define TEST_UNIT_SANITIZER_H

#if defined(__SANITIZE_ADDRESS__)
#define UNIT_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNIT_ASAN 1
#endif
#endif
#ifndef UNIT_ASAN
#define UNIT_ASAN 0
#endif

#endif
