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

#define PREFIX "tp_hec_"

static void
format(const struct stats *s, struct buffer *text)
{
	metrics_add(text, PREFIX "events_read_total", "counter",
	    "Events read from the input.", s->events_read);
	metrics_add(text, PREFIX "events_acknowledged_total", "counter",
	    "Events that are safe and acknowledged.", s->events_acknowledged);
	metrics_add(text, PREFIX "events_dead_total", "counter",
	    "Events set aside as undeliverable.", s->events_set_aside);
	metrics_add(text, PREFIX "read_bytes_total", "counter",
	    "Bytes of input.", s->bytes_read);
	metrics_add(text, PREFIX "sent_bytes_total", "counter",
	    "Bytes of request bodies, as sent.", s->bytes_sent);
	metrics_add(text, PREFIX "retries_total", "counter",
	    "Requests for lines that had been sent before.", s->requests_again);
	buffer_append_text(text,
	    "# HELP tp_hec_requests_total Requests done, by result.\n"
	    "# TYPE tp_hec_requests_total counter\n");
	for (int i = 0; i < RESULT_COUNT; i++)
		buffer_printf(text,
		    "tp_hec_requests_total{result=\"%s\"} %" PRIu64 "\n",
		    result_names[i], s->requests[i]);
	metrics_add(text, PREFIX "ack_polls_total", "counter",
	    "Questions about acknowledgements.", s->ack_polls);
	metrics_add(text, PREFIX "acks_confirmed_total", "counter",
	    "Requests that an indexer has confirmed.", s->acks_confirmed);
	metrics_add(text, PREFIX "acks_expired_total", "counter",
	    "Requests that were not confirmed in time.", s->acks_expired);
	metrics_add(text, PREFIX "unconfirmed_events_total", "counter",
	    "Events accepted, not confirmed, and sent again.",
	    s->events_unconfirmed);
	metrics_add(text, PREFIX "channel_changes_total", "counter",
	    "Channels left because their ids could not be trusted.",
	    s->channels_ended);
	metrics_add(text, PREFIX "acks_pending", "gauge",
	    "Requests accepted and not yet confirmed.", s->acks_pending);
	metrics_add(text, PREFIX "requests_in_flight", "gauge",
	    "Requests under way.", s->requests_in_flight);
	metrics_add(text, PREFIX "lines_in_hand", "gauge",
	    "Lines read and not yet acknowledged.", s->lines_in_hand);
	metrics_add(text, PREFIX "waiting", "gauge",
	    "1 while every receiver is unreachable or refuses us.",
	    s->is_waiting);
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
