/* Counters as a Prometheus text file. */
#include "tp-hec/stats.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/buffer.h"
#include "lib/io.h"

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
add(struct buffer *text, const char *name, const char *type, const char *help,
    uint64_t value)
{
	buffer_printf(text,
	    "# HELP tp_hec_%s %s\n# TYPE tp_hec_%s %s\ntp_hec_%s %" PRIu64 "\n",
	    name, help, name, type, name, value);
}

static void
format(const struct stats *s, struct buffer *text)
{
	add(text, "events_read_total", "counter", "Events read from the input.",
	    s->events_read);
	add(text, "events_acknowledged_total", "counter",
	    "Events that are safe and acknowledged.", s->events_acknowledged);
	add(text, "events_dead_total", "counter",
	    "Events set aside as undeliverable.", s->events_set_aside);
	add(text, "read_bytes_total", "counter", "Bytes of input.",
	    s->bytes_read);
	add(text, "sent_bytes_total", "counter",
	    "Bytes of request bodies, as sent.", s->bytes_sent);
	add(text, "retries_total", "counter",
	    "Requests for lines that had been sent before.", s->requests_again);
	buffer_append_text(text,
	    "# HELP tp_hec_requests_total Requests done, by result.\n"
	    "# TYPE tp_hec_requests_total counter\n");
	for (int i = 0; i < RESULT_COUNT; i++)
		buffer_printf(text,
		    "tp_hec_requests_total{result=\"%s\"} %" PRIu64 "\n",
		    result_names[i], s->requests[i]);
	add(text, "ack_polls_total", "counter",
	    "Questions about acknowledgements.", s->ack_polls);
	add(text, "acks_confirmed_total", "counter",
	    "Requests that an indexer has confirmed.", s->acks_confirmed);
	add(text, "acks_expired_total", "counter",
	    "Requests that were not confirmed in time.", s->acks_expired);
	add(text, "unconfirmed_events_total", "counter",
	    "Events accepted, not confirmed, and sent again.",
	    s->events_unconfirmed);
	add(text, "channel_changes_total", "counter",
	    "Channels left because their ids could not be trusted.",
	    s->channels_ended);
	add(text, "acks_pending", "gauge",
	    "Requests accepted and not yet confirmed.", s->acks_pending);
	add(text, "requests_in_flight", "gauge", "Requests under way.",
	    s->requests_in_flight);
	add(text, "lines_in_hand", "gauge",
	    "Lines read and not yet acknowledged.", s->lines_in_hand);
	add(text, "waiting", "gauge",
	    "1 while every receiver is unreachable or refuses us.",
	    s->is_waiting);
}

static int
write_file(const char *path, const struct buffer *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd == -1)
		return -1;
	int result = io_write_all(fd, text->data, text->len_bytes);
	int saved_errno = errno;
	if (close(fd) == -1 && result == 0)
		return -1;
	errno = saved_errno;
	return result;
}

/* Whole or not at all; unlike a cursor it need not survive a power cut. */
int
stats_write(const struct stats *stats, const char *path)
{
	struct buffer text = { 0 };
	struct buffer aside = { 0 };

	format(stats, &text);
	buffer_printf(&aside, "%s.new", path);
	int result = write_file(buffer_text(&aside), &text);
	if (result == 0)
		result = rename(buffer_text(&aside), path);
	buffer_free(&text);
	buffer_free(&aside);
	return result;
}
