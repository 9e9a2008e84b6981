/*
 * A lasting trouble, said once and then at growing intervals.
 *
 * While the same trouble lasts, notice_is_due() is true at its first report
 * and then after 1, 2, 4 ... minutes, up to an hour.  A trouble of another
 * kind (another `key`) is said at once.  Pure: the caller brings the time.
 */
#ifndef LIB_NOTICE_H
#define LIB_NOTICE_H

#include <stdint.h>

struct notice {
	uint64_t key; /* 0: no trouble */
	int64_t since_ms;
	int64_t due_ms;
	int64_t interval_ms;
};

/* The trouble `key` (not 0) is there at `now_ms`: whether to say so. */
int notice_is_due(struct notice *notice, uint64_t key, int64_t now_ms);

/* It has gone; whether it had been said. */
int notice_clear(struct notice *notice);

#endif
