/*
 * Which input lines are safe: settled in any order, acknowledged in order.
 * Pure.
 *
 * Lines are counted from 1.  Each is settled once, as part of a range; the
 * contiguous prefix of settled lines is what may be acknowledged.
 *
 * Invariants:
 * 1. window_safe()->line never goes down, and every line up to it is settled.
 * 2. The end of the prefix is the last line of some settled range, so a range
 *    needs to bring the name of its last line only.
 */
#ifndef TP_HEC_WINDOW_H
#define TP_HEC_WINDOW_H

#include <stdint.h>

#include "lib/uid.h"

/* A line as an acknowledgement names it. */
struct window_mark {
	int64_t line;   /* counted from 1 */
	int64_t number; /* what is acknowledged: `line`, or the line's tag */
	char uid[UID_MAX_BYTES + 1]; /* "": has none that can be written */
};

struct window;

struct window *window_new(void);
void window_free(struct window *window);

/*
 * The lines from `first` to `last->line` are safe.  None of them may have been
 * settled before.
 */
void window_settle(struct window *window, int64_t first,
    const struct window_mark *last);

/* The end of the settled prefix; line 0 and number 0 before there is one. */
const struct window_mark *window_safe(const struct window *window);

#endif
