/* Counters as a Prometheus text file. */
#include "tp-fetch/stats.h"

#include <errno.h>
#include <string.h>

#include "lib/buffer.h"
#include "lib/clock.h"
#include "lib/message.h"
#include "lib/metrics.h"

#define PREFIX "tp_fetch_"

enum { INTERVAL_MS = 5000 };

static void
format(const struct stats *s, struct buffer *text)
{
	metrics_add(text, PREFIX "events_written_total", "counter",
	    "Events written, one a line.", s->lines);
	metrics_add(text, PREFIX "events_skipped_total", "counter",
	    "Events that a filter left out.", s->skipped);
	metrics_add(text, PREFIX "gaps_total", "counter",
	    "Events that could not be exported; a gap line stands for each.",
	    s->gaps);
	metrics_add(text, PREFIX "pages_total", "counter",
	    "Pages read from the audit log.", s->pages);
	metrics_add(text, PREFIX "waiting", "gauge",
	    "1 while the server is away or refuses us.", s->is_waiting);
	metrics_add(text, PREFIX "last_event_timestamp_seconds", "gauge",
	    "Time of the latest event read.", s->last_event_time);
	metrics_add(text, PREFIX "certificate_expiry_timestamp_seconds",
	    "gauge", "When our certificate expires.", s->certificate_expiry);
}

void
stats_write(struct stats *stats)
{
	struct buffer text = { 0 };

	if (stats->path == NULL)
		return;
	format(stats, &text);
	if (metrics_write(stats->path, &text) == -1)
		message("--stats: %s: %s", stats->path, strerror(errno));
	buffer_free(&text);
	stats->due_ms = clock_ms() + INTERVAL_MS;
}

void
stats_write_if_due(struct stats *stats)
{
	if (stats->path != NULL && clock_ms() >= stats->due_ms)
		stats_write(stats);
}
