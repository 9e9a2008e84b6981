/*
 * RFC 3339 times to and from seconds and nanoseconds since the epoch.  Pure.
 */
#ifndef LIB_TIMESTAMP_H
#define LIB_TIMESTAMP_H

#include <stddef.h>
#include <stdint.h>

struct timestamp {
	int64_t seconds;
	int32_t nanos; /* 0 to 999999999 */
};

enum { TIMESTAMP_BYTES = 36 }; /* the longest text, with its NUL */

/*
 * Reads one time of exactly `len_bytes`: date, `T`, `t` or a blank, time, a
 * fraction of any length (cut to nanoseconds), `Z`, `z` or an offset.  -1 when
 * it is anything else.  A leap second reads as the second after it.
 */
int timestamp_parse(const char *text, size_t len_bytes, struct timestamp *time);

/* Writes UTC with as many decimals as the fraction has; returns `text`. */
char *timestamp_format(struct timestamp time, char text[TIMESTAMP_BYTES]);

int timestamp_compare(struct timestamp a, struct timestamp b);

/* Saturates at the ends of int64 seconds. */
struct timestamp timestamp_add_ms(struct timestamp time, int64_t ms);

/* The wall clock. */
struct timestamp timestamp_now(void);

#endif
