/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Loops that the verifier follows to their end.
 *
 * Kernels since 5.17 have bpf_loop. For those before, each source is compiled once more, with EARLY: there a loop
 * calls a function of its own so often. A global function is verified once, whoever calls it however often, so
 * loops in functions multiply while they run, and only add up while they are verified. It takes numbers alone;
 * so what a loop knows lies in a variable of the object in both, which the verifier takes for any value. An object
 * is run once at a time.
 */
#ifndef SKCHECK_LOOPS_H
#define SKCHECK_LOOPS_H

#include <linux/types.h>
#include <bpf/bpf_helpers.h>

/* STEP int step(void): one step, which returns whether it was the last.
 * LOOP(name, step, most): a function name() that makes so many steps at most, in EARLY EARLY_STEPS.
 * SHORT_LOOP: the same with a frame less of the eight that there are, and in EARLY no more than ROUNDS steps. */
#ifdef EARLY

/* More jumps in a row than 8192 are refused (BPF_COMPLEXITY_LIMIT_JMP_SEQ). */
#define ROUNDS 8000
#define EARLY_STEPS (ROUNDS * 1024)

#define STEP __noinline

#define SHORT_LOOP(name, step, most)                                   \
	static __always_inline void name(void)                         \
	{                                                              \
		_Pragma("clang loop unroll(disable)")                  \
		for (__u32 i = 0; i < (most) && i < ROUNDS; i++)       \
			if (step())                                    \
				break;                                 \
	}

#define LOOP(name, step, most)                                         \
	__noinline int name##_some(void)                               \
	{                                                              \
		_Pragma("clang loop unroll(disable)")                  \
		for (__u32 i = 0; i < EARLY_STEPS / ROUNDS; i++)       \
			if (step())                                    \
				return 1;                              \
		return 0;                                              \
	}                                                              \
	SHORT_LOOP(name, name##_some, ROUNDS)

#else

#define STEP static __always_inline

#define LOOP(name, step, most)                                         \
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
