/*
 * Counters and gauges as a Prometheus text file, for node_exporter's textfile
 * collector or for people.
 */
#ifndef LIB_METRICS_H
#define LIB_METRICS_H

#include <stdint.h>

struct buffer;

/* Appends one metric without labels; `name` is whole, with its prefix. */
void metrics_add(struct buffer *text, const char *name, const char *type,
    const char *help, uint64_t value);

/*
 * Replaces `path` by `text`, whole or not at all; unlike a cursor it need not
 * survive a power cut, so nothing is synced.  -1 with errno.
 */
int metrics_write(const char *path, const struct buffer *text);

#endif
