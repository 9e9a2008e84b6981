/* One URL and how it fares. */
#include "tp-hec/receiver.h"

#include "tp-hec/url.h"

enum {
	GROW_AFTER = 8,       /* successes before one more in flight */
	LARGER_AFTER = 256,   /* successes before larger bodies are tried */
	SMALLEST_BODY = 1024, /* no receiver is thought to take less */

	RETRY_FIRST_MS = 1000,
	HOLD_FIRST_MS = 5000,
	LONGEST_PAUSE_MS = 60 * 1000
};

struct receiver
receiver_make(const char *url, enum gzip gzip, unsigned most, uint64_t seed)
{
	struct receiver receiver = { .url = url,
		.is_gzip = gzip == GZIP_ON ||
			   (gzip == GZIP_AUTO && !url_is_loopback(url)),
		.limit = most,
		.most = most,
		.largest_bytes = SIZE_MAX,
		.retry = backoff_start(RETRY_FIRST_MS, LONGEST_PAUSE_MS, seed),
		.hold = backoff_start(HOLD_FIRST_MS, LONGEST_PAUSE_MS, seed) };

	url_name(url, receiver.name, sizeof(receiver.name));
	return receiver;
}

int
receiver_is_free(const struct receiver *receiver, int64_t now_ms)
{
	unsigned limit = receiver->trouble ? 1 : receiver->limit;

	return now_ms >= receiver->benched_until_ms &&
	       receiver->in_flight < limit;
}

static void
grow(struct receiver *receiver)
{
	receiver->good++;
	if (receiver->limit < receiver->most &&
	    receiver->good % GROW_AFTER == 0)
		receiver->limit++;
	if (receiver->largest_bytes < SIZE_MAX / 2 &&
	    receiver->good % LARGER_AFTER == 0)
		receiver->largest_bytes *= 2;
}

int64_t
receiver_succeeded(struct receiver *receiver, unsigned period, int64_t now_ms)
{
	grow(receiver);
	if (receiver->trouble == TROUBLE_NONE || period != receiver->period)
		return -1;
	receiver->trouble = TROUBLE_NONE;
	receiver->benched_until_ms = 0;
	backoff_reset(&receiver->retry);
	backoff_reset(&receiver->hold);
	int64_t since_ms = receiver->trouble_since_ms;
	return notice_clear(&receiver->notice) ? now_ms - since_ms : -1;
}

int
receiver_bench(struct receiver *receiver, enum trouble trouble, unsigned period,
    int64_t asked_ms, int64_t now_ms)
{
	if (period != receiver->period)
		return 0;
	if (receiver->trouble == TROUBLE_NONE)
		receiver->trouble_since_ms = receiver->idle_since_ms = now_ms;
	receiver->trouble = trouble;
	receiver->period++;
	int64_t pause_ms = backoff_next_ms(
	    trouble == TROUBLE_REFUSED ? &receiver->hold : &receiver->retry);
	if (pause_ms < asked_ms)
		pause_ms = asked_ms;
	receiver->benched_until_ms = now_ms + pause_ms;
	return 1;
}

void
receiver_took_part(struct receiver *receiver, int64_t now_ms)
{
	receiver->idle_since_ms = now_ms;
	backoff_reset(&receiver->retry);
	backoff_reset(&receiver->hold);
}

void
receiver_hurry(struct receiver *receiver)
{
	receiver->benched_until_ms = 0;
	backoff_reset(&receiver->retry);
	backoff_reset(&receiver->hold);
}

void
receiver_acks_fail(struct receiver *receiver, enum ack_trouble trouble,
    int64_t now_ms)
{
	if (receiver->acks.trouble == ACK_TROUBLE_NONE)
		receiver->acks.trouble_since_ms = now_ms;
	if (receiver->acks.trouble < trouble)
		receiver->acks.trouble = trouble;
}

void
receiver_acks_come(struct receiver *receiver, int is_confirmed)
{
	if (is_confirmed || receiver->acks.trouble == ACK_TROUBLE_UNANSWERED)
		receiver->acks.trouble = ACK_TROUBLE_NONE;
}

void
receiver_slow_down(struct receiver *receiver)
{
	receiver->good = 0;
	if (receiver->limit > 1)
		receiver->limit /= 2;
}

void
receiver_shrink(struct receiver *receiver, size_t bytes)
{
	size_t half = bytes / 2 > SMALLEST_BODY ? bytes / 2 : SMALLEST_BODY;

	receiver->good = 0;
	if (half < receiver->largest_bytes)
		receiver->largest_bytes = half;
}
