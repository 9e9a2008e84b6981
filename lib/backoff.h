/*
 * Growing, jittered pauses between attempts.  Pure: no clock, no sleep.
 *
 * The n-th pause is drawn from [half, whole] of first_ms * 2^n, up to
 * longest_ms: it grows, and many clients cut off together do not come back
 * together.
 */
#ifndef LIB_BACKOFF_H
#define LIB_BACKOFF_H

#include <stdint.h>

struct backoff {
	int64_t first_ms;
	int64_t longest_ms;
	unsigned attempts;
	uint64_t random; /* state of the generator; any seed but 0 */
};

struct backoff
backoff_start(int64_t first_ms, int64_t longest_ms, uint64_t seed);

/* The pause before the next attempt. */
int64_t backoff_next_ms(struct backoff *backoff);

/* An attempt succeeded: begin small again. */
void backoff_reset(struct backoff *backoff);

#endif
