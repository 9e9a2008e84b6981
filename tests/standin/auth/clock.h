/* clock.h -- RFC 3339 to and from nanoseconds since 1970, and what time it is.
 */
#ifndef STANDIN_AUTH_CLOCK_H
#define STANDIN_AUTH_CLOCK_H

#include <stdint.h>

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S  INT64_C(1000000000)

enum { CLOCK_TEXT_SIZE = 40 };

/* -1 if `text` is not an RFC 3339 time (any offset, up to 9 decimals). */
int clock_parse(const char *text, int64_t *time_ns);
/* Milliseconds, always three decimals: 2026-11-01T00:00:00.000Z. */
void clock_print(char text[CLOCK_TEXT_SIZE], int64_t time_ns);
int64_t clock_now_ns(void);
int64_t clock_monotonic_ns(void);

#endif
