/*
 * Words of a command line to values, range-checked.  Pure and silent: -1 is
 * "not of this form or out of range".
 */
#ifndef LIB_PARSE_H
#define LIB_PARSE_H

#include <stdint.h>

/* Decimal digits, `least` to `most`. */
int
parse_number(const char *text, int64_t least, int64_t most, int64_t *number);

/* Bytes: a number with an optional k, M or G (powers of 1000) or Ki, Mi, Gi. */
int parse_size(const char *text, int64_t least, int64_t most, int64_t *bytes);

/*
 * A duration as Go writes it, "300ms", "1m30s", "24h", with d for days; a bare
 * number is seconds.
 */
int parse_duration(const char *text, int64_t least_ms, int64_t most_ms,
    int64_t *ms);

/*
 * "host:port", "[v6]:port", "host" (then `default_port`).  Copies go into
 * `host` (256 bytes) and `port` (6 bytes).
 */
int parse_address(const char *text, const char *default_port, char host[256],
    char port[6]);

#endif
