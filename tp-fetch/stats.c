/* Counters as a Prometheus text file. */
#include "tp-fetch/stats.h"

#include <errno.h>
#include <string.h>

#include "lib/buffer.h"
#include "lib/clock.h"
#include "lib/message.h"
#include "lib/metrics.h"

enum { INTERVAL_MS = 5000 };

static void
format(const struct stats *s, struct buffer *text)
{
	const struct metric metrics[] = {
		{ METRIC_COUNTER, "events_written_total",
		    "Events written, one a line.", s->lines },
		{ METRIC_COUNTER, "events_skipped_total",
		    "Events that a filter left out.", s->skipped },
		{ METRIC_COUNTER, "gaps_total",
		    "Events that could not be exported; a gap line stands for each.",
		    s->gaps },
		{ METRIC_COUNTER, "pages_total",
		    "Pages read from the audit log.", s->pages },
		{ METRIC_GAUGE, "waiting",
		    "1 while the server is away or refuses us.",
		    s->is_waiting },
		{ METRIC_GAUGE, "last_event_timestamp_seconds",
		    "Time of the latest event read.", s->last_event_time },
		{ METRIC_GAUGE, "certificate_expiry_timestamp_seconds",
		    "When our certificate expires.", s->certificate_expiry },
	};

	metrics_add(text, "tp_fetch_", metrics,
	    sizeof(metrics) / sizeof(metrics[0]));
}

int
stats_write(struct stats *stats)
{
	struct buffer text = { 0 };

	if (stats->path == NULL)
		return 0;
	format(stats, &text);
	int result = metrics_write(stats->path, &text);
	if (result == -1)
		message("--stats: %s: %s", stats->path, strerror(errno));
	buffer_free(&text);
	stats->due_ms = clock_ms() + INTERVAL_MS;
	return result;
}

void
stats_write_if_due(struct stats *stats)
{
	if (stats->path != NULL && clock_ms() >= stats->due_ms)
		stats_write(stats);
}
