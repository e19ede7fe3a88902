/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Loops that the verifier follows to their end.
 *
 * Kernels since 5.17 have bpf_loop. For those before, each source is compiled once more, with EARLY: there a loop
 * calls a function. A global function is verified once, whoever calls it however often, so loops in functions
 * multiply while they run, and only add up while they are verified. Such a function takes numbers alone, so what a
 * loop knows lies in a variable of the object, in both flavours; the verifier takes it for any value. Only one
 * program of an object runs at a time.
 */
#ifndef SKCHECK_LOOPS_H
#define SKCHECK_LOOPS_H

#include <linux/types.h>
#include <bpf/bpf_helpers.h>

/* STEP int step(void): one step, which returns whether it was the last.
 * LOOP(name, step, most, side): a function name() that makes `most` steps at most, in EARLY side * side.
 * SHORT_LOOP(name, step, most, early): the same, which needs one frame less of the eight, in EARLY `early` steps.
 * The caller sees by the variable whether the loop came to its end. */
#ifdef EARLY

#define STEP __noinline

#define SHORT_LOOP(name, step, most, early)                            \
	_Static_assert((early) < 8192, "BPF_COMPLEXITY_LIMIT_JMP_SEQ"); \
	static __always_inline void name(void)                         \
	{                                                              \
		_Pragma("clang loop unroll(disable)")                  \
		for (__u32 i = 0; i < (early); i++)                    \
			if (step())                                    \
				break;                                 \
	}

#define LOOP(name, step, most, side)                                   \
	__noinline int name##_some(void)                               \
	{                                                              \
		_Pragma("clang loop unroll(disable)")                  \
		for (__u32 i = 0; i < (side); i++)                     \
			if (step())                                    \
				return 1;                              \
		return 0;                                              \
	}                                                              \
	SHORT_LOOP(name, name##_some, most, side)

#else

#define STEP static __always_inline

#define LOOP(name, step, most, side)                                   \
	static long name##_step(__u32 at, void *context)               \
	{                                                              \
		return step() != 0;                                    \
	}                                                              \
	static __always_inline void name(void)                         \
	{                                                              \
		bpf_loop(most, name##_step, NULL, 0);                  \
	}

#define SHORT_LOOP LOOP

#endif

#endif
