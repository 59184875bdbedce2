/* SPDX-License-Identifier: MIT */
/*
 * All of Cairn for C++17 and later: cairn.h, and the headers below. pmr.hpp is left out where the
 * standard library has no <memory_resource> (libc++ before 16). Not in it: new_delete.hpp, which one
 * file of a program includes.
 */
#ifndef CAIRN_CAIRN_HPP
#define CAIRN_CAIRN_HPP

#include "cairn.h"
#include "cairn/memory.hpp"
#include "cairn/object_pool.hpp"
#include "cairn/stl.hpp"
#if __has_include(<memory_resource>)
#include "cairn/pmr.hpp"
#endif

#endif
