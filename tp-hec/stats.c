/* Counters as a Prometheus text file. */
#include "tp-hec/stats.h"

#include <inttypes.h>

#include "lib/buffer.h"
#include "lib/metrics.h"

static const char *const result_names[RESULT_COUNT] = {
	[RESULT_ACCEPTED] = "accepted",
	[RESULT_PARTIAL] = "partial",
	[RESULT_RETRY] = "retry",
	[RESULT_TOO_LARGE] = "too_large",
	[RESULT_NO_GZIP] = "no_gzip",
	[RESULT_REFUSED] = "refused",
	[RESULT_UNREACHED] = "unreached",
};

static void
format_requests(const struct stats *s, struct buffer *text)
{
	buffer_append_text(text,
	    "# HELP tp_hec_requests_total Requests done, by result.\n"
	    "# TYPE tp_hec_requests_total counter\n");
	for (int i = 0; i < RESULT_COUNT; i++)
		buffer_printf(text,
		    "tp_hec_requests_total{result=\"%s\"} %" PRIu64 "\n",
		    result_names[i], s->requests[i]);
}

static void
format(const struct stats *s, struct buffer *text)
{
	const struct metric metrics[] = {
		{ METRIC_COUNTER, "events_read_total",
		    "Events read from the input.", s->events_read },
		{ METRIC_COUNTER, "events_acknowledged_total",
		    "Events that are safe and acknowledged.",
		    s->events_acknowledged },
		{ METRIC_COUNTER, "events_dead_total",
		    "Events set aside as undeliverable.", s->events_set_aside },
		{ METRIC_COUNTER, "read_bytes_total", "Bytes of input.",
		    s->bytes_read },
		{ METRIC_COUNTER, "sent_bytes_total",
		    "Bytes of request bodies, as sent.", s->bytes_sent },
		{ METRIC_COUNTER, "retries_total",
		    "Requests for lines that had been sent before.",
		    s->requests_again },
		{ METRIC_COUNTER, "ack_polls_total",
		    "Questions about acknowledgements.", s->ack_polls },
		{ METRIC_COUNTER, "acks_confirmed_total",
		    "Requests that an indexer has confirmed.",
		    s->acks_confirmed },
		{ METRIC_COUNTER, "acks_expired_total",
		    "Requests that were not confirmed in time.",
		    s->acks_expired },
		{ METRIC_COUNTER, "unconfirmed_events_total",
		    "Events accepted, not confirmed, and sent again.",
		    s->events_unconfirmed },
		{ METRIC_COUNTER, "channel_changes_total",
		    "Channels left because their ids could not be trusted.",
		    s->channels_ended },
		{ METRIC_GAUGE, "acks_pending",
		    "Requests accepted and not yet confirmed.",
		    s->acks_pending },
		{ METRIC_GAUGE, "requests_in_flight", "Requests under way.",
		    s->requests_in_flight },
		{ METRIC_GAUGE, "lines_in_hand",
		    "Lines read and not yet acknowledged.", s->lines_in_hand },
		{ METRIC_GAUGE, "waiting",
		    "1 while every receiver is unreachable or refuses us.",
		    s->is_waiting },
	};

	metrics_add(text, "tp_hec_", metrics,
	    sizeof(metrics) / sizeof(metrics[0]));
	format_requests(s, text);
}

int
stats_write(const struct stats *stats, const char *path)
{
	struct buffer text = { 0 };

	format(stats, &text);
	int result = metrics_write(path, &text);
	buffer_free(&text);
	return result;
}
