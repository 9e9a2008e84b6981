/* Accepted slices, and what their indexers say of them. */
#include "tp-hec/confirm.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/buffer.h"
#include "lib/message.h"
#include "tp-hec/ack_reply.h"
#include "tp-hec/ack_table.h"
#include "tp-hec/complaint.h"
#include "tp-hec/outbox.h"
#include "tp-hec/receiver.h"
#include "tp-hec/request.h"
#include "tp-hec/stats.h"
#include "tp-hec/url.h"
#include "tp-hec/verdict.h"

enum {
	MOST_IDS = 1000,    /* in a question; the answer has to fit, too */
	PATIENCE_MS = 5000, /* unanswered questions before it is said */
	CODE_INTERNAL_ERROR = 8
};

/* Why a channel ended. */
enum end { END_IDS_START_AGAIN, END_UNSURE, END_TIMEOUT, END_DISABLED };

struct confirm {
	struct outbox *outbox;
	struct stats *stats;
	size_t pending;
};

struct confirm *
confirm_new(struct outbox *outbox, struct stats *stats)
{
	struct confirm *confirm = calloc(1, sizeof(*confirm));

	if (confirm == NULL)
		die(EXIT_OS, "out of memory");
	confirm->outbox = outbox;
	confirm->stats = stats;
	return confirm;
}

void
confirm_free(struct confirm *confirm)
{
	free(confirm);
}

size_t
confirm_pending(const struct confirm *confirm)
{
	return confirm->pending;
}

static void
count_pending(struct confirm *confirm, size_t before, size_t now)
{
	confirm->pending += now - before;
	confirm->stats->acks_pending = confirm->pending;
}

/* --- channels that end ---------------------------------------------------- */

static void
send_again(struct confirm *confirm, struct slice slice)
{
	confirm->stats->events_unconfirmed += slice_events(&slice);
	outbox_put(confirm->outbox, slice, 1);
}

static void
say_end(struct receiver *receiver, enum end end, uint64_t events,
    int64_t now_ms)
{
	static const char *const reasons[] = {
		[END_IDS_START_AGAIN] =
		    "acknowledgement ids start again: an indexer was "
		    "restarted, or the balancer is not sticky",
		[END_UNSURE] = "a request's fate is not known",
		[END_TIMEOUT] = "not acknowledged within --ack-timeout",
		[END_DISABLED] =
		    "ACK is disabled for the token (code 14): from now on "
		    "accepted counts as delivered",
	};
	char count[32];

	if (events > 0 || end == END_DISABLED)
		if (notice_is_due(&receiver->acks.notice, (uint64_t)end + 1,
			now_ms))
			message("%s: %s; sending %s unconfirmed events again "
				"on a new channel",
			    receiver->name, reasons[end],
			    complaint_count(events, count));
}

/* Nothing that is pending on the channel can be confirmed any more; `more`
   (NULL: none) is a slice that has not even become so. */
static void
end_channel(struct confirm *confirm, struct request *request,
    struct receiver *receiver, enum end end, const struct slice *more,
    int64_t now_ms)
{
	uint64_t before = confirm->stats->events_unconfirmed;
	size_t count = ack_table_count(request->acks);
	struct slice slice;

	while (ack_table_take(request->acks, &slice))
		send_again(confirm, slice);
	if (more != NULL)
		send_again(confirm, *more);
	count_pending(confirm, count, 0);
	if (end == END_TIMEOUT)
		confirm->stats->acks_expired += count;
	confirm->stats->channels_ended++;
	ack_table_renew(request->acks);
	request_change_channel(request);
	say_end(receiver, end, confirm->stats->events_unconfirmed - before,
	    now_ms);
}

/* --- what became of events ------------------------------------------------ */

static void
say_once(struct receiver *receiver, enum ack_service service, const char *words)
{
	if (receiver->acks.service == service)
		return;
	receiver->acks.service = service;
	message("%s: %s", receiver->name, words);
}

/* Accepted is as much as we shall ever hear. */
static void
settle(struct confirm *confirm, struct receiver *receiver,
    const struct slice *slice)
{
	receiver_acks_come(receiver, 1);
	outbox_settle(confirm->outbox, slice);
}

static void
add(struct confirm *confirm, struct request *request, const struct slice *slice,
    int64_t id, int64_t now_ms)
{
	size_t before = ack_table_count(request->acks);

	if (ack_table_add(request->acks, id, *slice, now_ms) == 0)
		count_pending(confirm, before, before + 1);
	else
		end_channel(confirm, request, request->receiver,
		    END_IDS_START_AGAIN, slice, now_ms);
}

void
confirm_accept(struct confirm *confirm, struct request *request,
    const struct slice *slice, const struct verdict *verdict, int64_t now_ms)
{
	struct receiver *receiver = request->receiver;
	int has_id = verdict->ack_id >= 0;

	if (slice->from == slice->to)
		return; /* its batch may be gone */
	if (request->acks == NULL) {
		if (has_id)
			say_once(receiver, ACK_SERVICE_UNUSED,
			    "the token has indexer acknowledgement, which "
			    "--ack indexer would wait for");
		outbox_settle(confirm->outbox, slice);
	} else if (slice_events(slice) == 0 ||
		   receiver->acks.service == ACK_SERVICE_DISABLED) {
		settle(confirm, receiver, slice);
	} else if (has_id) {
		add(confirm, request, slice, verdict->ack_id, now_ms);
	} else if (verdict->kind == VERDICT_ACCEPTED ||
		   receiver->acks.service == ACK_SERVICE_ABSENT) {
		say_once(receiver, ACK_SERVICE_ABSENT,
		    "gives no acknowledgement ids, so that accepted counts as "
		    "delivered: enable indexer acknowledgement for the token, "
		    "or leave out --ack indexer");
		settle(confirm, receiver, slice);
	} else {
		send_again(confirm, *slice); /* a part, kept without an id */
	}
}

/*
 * Whether a request for which we know no id may have got one all the same.  A
 * refusal in HEC's own words has none unless a part was kept.
 */
static int
may_hide_id(const struct verdict *verdict)
{
	if (verdict == NULL)
		return 1;
	if (verdict->ack_id >= 0)
		return 0;
	switch (verdict->kind) {
	case VERDICT_PREFIX_BAD:
		return verdict->bad > 0;
	case VERDICT_RETRY:
	case VERDICT_HOLD:
		return verdict->code == -1 ||
		       verdict->code == CODE_INTERNAL_ERROR ||
		       verdict->kept > 0;
	default:
		return 0;
	}
}

void
confirm_doubt(struct confirm *confirm, struct request *request,
    const struct verdict *verdict, int64_t now_ms)
{
	if (request->acks != NULL && may_hide_id(verdict))
		end_channel(confirm, request, request->receiver, END_UNSURE,
		    NULL, now_ms);
}

/* --- idle slots ----------------------------------------------------------- */

int
confirm_may_send(const struct request *request, int is_reserve, int64_t now_ms)
{
	const struct ack_table *acks = request->acks;

	return acks == NULL ||
	       (ack_table_may_send(acks) &&
		   (!is_reserve || ack_table_is_silent(acks, now_ms)));
}

void
confirm_before_send(struct request *request, int64_t now_ms)
{
	if (request->acks == NULL || !ack_table_is_stale(request->acks, now_ms))
		return;
	ack_table_renew(request->acks);
	request_change_channel(request);
}

int64_t
confirm_due_ms(const struct request *request)
{
	if (request->acks == NULL)
		return INT64_MAX;
	int64_t poll_ms = ack_table_poll_ms(request->acks);
	int64_t expiry_ms = ack_table_expiry_ms(request->acks);
	return poll_ms < expiry_ms ? poll_ms : expiry_ms;
}

void
confirm_expire(struct confirm *confirm, struct request *request,
    struct receiver *receiver, int64_t now_ms)
{
	if (request->acks == NULL ||
	    now_ms < ack_table_expiry_ms(request->acks))
		return;
	receiver_acks_fail(receiver, ACK_TROUBLE_OVERDUE, now_ms);
	snprintf(receiver->acks.why, sizeof(receiver->acks.why),
	    "events are accepted but not acknowledged");
	ack_table_be_patient(request->acks);
	end_channel(confirm, request, receiver, END_TIMEOUT, NULL, now_ms);
}

void
confirm_ask(struct request *request, struct receiver *receiver)
{
	int64_t ids[MOST_IDS];
	size_t count = ack_table_ids(request->acks, ids, MOST_IDS);
	struct buffer body = { 0 };
	char *url = url_ack(receiver->url, request->channel);

	buffer_append_text(&body, "{\"acks\":[");
	for (size_t i = 0; i < count; i++)
		buffer_printf(&body, "%s%" PRId64, i ? "," : "", ids[i]);
	buffer_append_text(&body, "]}");
	request_prepare_poll(request, receiver, url, buffer_text(&body));
	buffer_free(&body);
	free(url);
}

/* --- answers -------------------------------------------------------------- */

static size_t
settle_confirmed(struct confirm *confirm, struct request *request,
    const int64_t *ids, size_t count, int64_t now_ms)
{
	struct slice slice;
	size_t before = ack_table_count(request->acks);

	for (size_t i = 0; i < count; i++)
		if (ack_table_confirm(request->acks, ids[i], &slice, now_ms))
			outbox_settle(confirm->outbox, &slice);
	size_t now = ack_table_count(request->acks);
	count_pending(confirm, before, now);
	confirm->stats->acks_confirmed += before - now;
	return before - now;
}

/* A question that was not answered says nothing about events. */
static void
endure(const struct request *request, const struct ack_reply *answer,
    CURLcode result, int status, int64_t now_ms)
{
	struct receiver *receiver = request->receiver;
	struct verdict why =
	    status == 0 ? request_failure(request, result) : answer->why;
	enum trouble trouble =
	    why.kind == VERDICT_HOLD ? TROUBLE_REFUSED : TROUBLE_UNREACHED;

	credentials_mask_text(request->setup->credentials, why.text);
	receiver->acks.is_refused = trouble == TROUBLE_REFUSED;
	receiver_acks_fail(receiver, ACK_TROUBLE_UNANSWERED, now_ms);
	complaint_phrase(&why, status, receiver->acks.why,
	    sizeof(receiver->acks.why));
	if (now_ms - receiver->acks.trouble_since_ms >= PATIENCE_MS &&
	    notice_is_due(&receiver->acks.notice,
		complaint_key(trouble, &why, status), now_ms))
		message("%s: cannot ask for acknowledgements: %s; %zu requests "
			"wait for theirs",
		    receiver->name, receiver->acks.why,
		    ack_table_count(request->acks));
}

void
confirm_hear(struct confirm *confirm, struct request *request, CURLcode result,
    int64_t now_ms)
{
	int64_t ids[MOST_IDS];
	size_t count = ack_table_ids(request->acks, ids, MOST_IDS);
	credentials_mask(request->setup->credentials, request->reply.data,
	    request->reply.len_bytes);
	struct reply reply = request_reply(request, result);
	struct ack_reply answer = ack_reply_of(&reply, ids, count);
	size_t confirmed = 0;

	confirm->stats->ack_polls++;
	switch (answer.kind) {
	case ACK_REPLY_STATES:
		request->receiver->acks.is_refused = 0;
		confirmed = settle_confirmed(confirm, request, ids,
		    answer.confirmed, now_ms);
		receiver_acks_come(request->receiver, confirmed > 0);
		break;
	case ACK_REPLY_DISABLED:
		request->receiver->acks.service = ACK_SERVICE_DISABLED;
		end_channel(confirm, request, request->receiver, END_DISABLED,
		    NULL, now_ms);
		break;
	case ACK_REPLY_REFUSED:
		endure(request, &answer, result, reply.status, now_ms);
		break;
	}
	ack_table_polled(request->acks, confirmed, now_ms);
}
