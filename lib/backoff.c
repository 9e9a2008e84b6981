/* Growing, jittered pauses. */
#include "lib/backoff.h"

struct backoff
backoff_start(int64_t first_ms, int64_t longest_ms, uint64_t seed)
{
	return (struct backoff){ .first_ms = first_ms,
		.longest_ms = longest_ms,
		.random = seed | 1 };
}

/* xorshift64: spread is all that is asked of it. */
static uint64_t
next_random(struct backoff *backoff)
{
	uint64_t x = backoff->random;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	backoff->random = x;
	return x;
}

int64_t
backoff_next_ms(struct backoff *backoff)
{
	int64_t whole = backoff->first_ms;

	for (unsigned i = 0;
	     i < backoff->attempts && whole < backoff->longest_ms; i++)
		whole *= 2;
	if (whole > backoff->longest_ms)
		whole = backoff->longest_ms;
	backoff->attempts++;
	uint64_t half = (uint64_t)whole / 2;
	return whole - (int64_t)(next_random(backoff) % (half + 1));
}

void
backoff_reset(struct backoff *backoff)
{
	backoff->attempts = 0;
}
