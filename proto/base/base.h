/* SPDX-License-Identifier: MIT */
/*
 * What every part of Penstock may use: attributes, the container_of idiom, assertions on our own
 * state, and a small buffer for text that is meant for a person.
 *
 * Assertions are always on. They guard our own invariants and contracts only; nothing that came
 * from a peer, the disk, a configuration or the GPU may reach one: such a value is checked and
 * answered with a status. Plain assert() is not used anywhere (scripts/style sees to it).
 */
#ifndef PENSTOCK_BASE_H
#define PENSTOCK_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PENSTOCK_MUST_CHECK    __attribute__((warn_unused_result))
#define PENSTOCK_PRINTF(f, a)  __attribute__((format(printf, f, a)))
#define PENSTOCK_LIKELY(x)     __builtin_expect(!!(x), 1)
#define PENSTOCK_UNLIKELY(x)   __builtin_expect(!!(x), 0)
#define PENSTOCK_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define penstock_container_of(pointer, type, member)                                               \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* A contract of the caller or an invariant of ours; a failure is a defect of ours and aborts. */
#define PENSTOCK_REQUIRE(condition)                                                                \
	do {                                                                                       \
		if (PENSTOCK_UNLIKELY(!(condition)))                                               \
			penstock_require_failed(#condition, __FILE__, __LINE__, __func__);         \
	} while (0)

_Noreturn void penstock_require_failed(const char *condition, const char *file, int line,
				       const char *function);

/* Rounds up to a power of two multiple; the caller knows that it cannot wrap. */
static inline uint64_t penstock_align_up(uint64_t value, uint64_t alignment)
{
	return (value + alignment - 1) & ~(alignment - 1);
}

/* offset + size <= limit, without wrapping: the only way a range is checked in this code base. */
static inline bool penstock_range_fits(uint64_t offset, uint64_t size, uint64_t limit)
{
	return offset <= limit && size <= limit - offset;
}

/*
 * Text for a person, passed down by whoever will show it. A function that fails fills it; nobody
 * parses it. NULL is accepted everywhere and drops the text.
 */
#define PENSTOCK_ERRBUF_BYTES 256

struct penstock_errbuf {
	char text[PENSTOCK_ERRBUF_BYTES];
};

void penstock_errbuf_set(struct penstock_errbuf *reterr_text, const char *format, ...)
	PENSTOCK_PRINTF(2, 3);

#endif
