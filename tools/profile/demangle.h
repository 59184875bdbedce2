/* SPDX-License-Identifier: MIT */
/* The names of functions as they stand in the source, from those that linkers see. */
#ifndef CAIRN_TOOLS_PROFILE_DEMANGLE_H
#define CAIRN_TOOLS_PROFILE_DEMANGLE_H

#include <stdbool.h>

/*
 * C++ names get their parameters, Rust names lose their hashes; what the compiler or the linker
 * appended ("foo.part.0", "foo.cold", "foo@@V1") goes. What is not mangled stays as it is.
 * std::string is called so. The caller frees the result.
 */
char *demangle(const char *name);

/* Does it look mangled? */
bool is_mangled(const char *name);

#endif
