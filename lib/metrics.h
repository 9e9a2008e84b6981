/*
 * Counters and gauges as a Prometheus text file, for node_exporter's textfile
 * collector or for people.
 */
#ifndef LIB_METRICS_H
#define LIB_METRICS_H

#include <stddef.h>
#include <stdint.h>

struct buffer;

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE };

/* A metric without labels. */
struct metric {
	enum metric_kind kind;
	const char *name; /* without the program's prefix, "tp_hec_" */
	const char *help;
	uint64_t value;
};

void metrics_add(struct buffer *text, const char *prefix,
    const struct metric *metrics, size_t count);

/*
 * Replaces `path` by `text`, whole or not at all; unlike a cursor it need not
 * survive a power cut, so nothing is synced.  -1 with errno.
 */
int metrics_write(const char *path, const struct buffer *text);

#endif
