/* Requests in flight and what becomes of their lines. */
#include "tp-hec/sender.h"

#include <assert.h>
#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/message.h"
#include "tp-hec/ack_table.h"
#include "tp-hec/aside.h"
#include "tp-hec/complaint.h"
#include "tp-hec/confirm.h"
#include "tp-hec/line_uid.h"
#include "tp-hec/outbox.h"
#include "tp-hec/stats.h"
#include "tp-hec/verdict.h"

struct sender {
	const struct sender_setup *setup;
	CURLM *multi;
	struct receiver *receivers;
	size_t receiver_count;
	size_t turn;            /* which receiver is asked first */
	struct request **slots; /* setup->in_flight for each receiver */
	size_t slot_count;
	struct outbox *outbox;
	struct confirm *confirm;
	unsigned in_flight; /* events; questions are not counted */
};

static struct receiver *
receiver_of_slot(const struct sender *sender, size_t slot)
{
	return &sender->receivers[slot / sender->setup->in_flight];
}

void
sender_submit(struct sender *sender, struct batch *batch)
{
	outbox_put(sender->outbox, batch_whole(batch), 0);
}

int
sender_is_idle(const struct sender *sender)
{
	return sender->in_flight == 0 &&
	       confirm_pending(sender->confirm) == 0 &&
	       !outbox_has_work(sender->outbox);
}

void
sender_send_only_before(struct sender *sender, int64_t line)
{
	outbox_send_only_before(sender->outbox, line);
}

void
sender_hurry(struct sender *sender)
{
	for (size_t i = 0; i < sender->receiver_count; i++)
		receiver_hurry(&sender->receivers[i]);
}

/* --- starting requests ---------------------------------------------------- */

/*
 * When all memory is taken by what waits to be confirmed, one slice for each
 * request is kept back: without any, no channel could show that its indexer has
 * forgotten the others.
 */
static int
is_down_to_reserve(const struct sender *sender)
{
	return sender->setup->request.is_ack_polled &&
	       outbox_count(sender->outbox) <= sender->setup->in_flight &&
	       !batch_pool_has_room(sender->setup->pool);
}

/* A slot of the receiver that can be used, or NULL. */
static struct request *
find_slot(const struct sender *sender, const struct receiver *receiver,
    int64_t now_ms)
{
	unsigned count = sender->setup->in_flight;
	struct request **first =
	    &sender->slots[(size_t)(receiver - sender->receivers) * count];
	int is_reserve = is_down_to_reserve(sender);

	for (unsigned i = 0; i < count; i++)
		if (first[i]->receiver == NULL &&
		    confirm_may_send(first[i], is_reserve, now_ms))
			return first[i];
	return NULL;
}

/* A slot of the free receiver with the least in flight, in turn among
   equals. */
static struct request *
choose_slot(struct sender *sender, int64_t now_ms)
{
	struct receiver *best = NULL;
	struct request *slot = NULL;

	for (size_t i = 0; i < sender->receiver_count; i++) {
		struct receiver *receiver =
		    &sender->receivers[(sender->turn + i) %
				       sender->receiver_count];
		struct request *found =
		    receiver_is_free(receiver, now_ms)
			? find_slot(sender, receiver, now_ms)
			: NULL;
		if (found != NULL &&
		    (best == NULL || receiver->in_flight < best->in_flight)) {
			best = receiver;
			slot = found;
		}
	}
	if (best != NULL) {
		sender->turn = (size_t)(best - sender->receivers) + 1;
		slot->receiver = best;
	}
	return slot;
}

static void
transfer(struct sender *sender, struct request *request)
{
	CURLMcode result = curl_multi_add_handle(sender->multi, request->easy);

	if (result != CURLM_OK)
		die(EXIT_SOFTWARE, "libcurl: %s", curl_multi_strerror(result));
}

static void
launch(struct sender *sender, struct request *request,
    struct receiver *receiver)
{
	sender->setup->stats->bytes_sent += request_prepare(request, receiver,
	    slice_body(&request->slice), slice_bytes(&request->slice));
	receiver->in_flight++;
	sender->in_flight++;
	transfer(sender, request);
}

static void
start_requests(struct sender *sender, int64_t now_ms)
{
	while (outbox_has_work(sender->outbox) &&
	       sender->in_flight < sender->setup->in_flight) {
		struct request *request = choose_slot(sender, now_ms);
		if (request == NULL)
			return;
		struct receiver *receiver = request->receiver;
		/* Now, not when it refused: the operator has been at work.
		   Whoever stands before HEC may refuse in words of its own. */
		if (receiver->trouble != TROUBLE_NONE)
			credentials_reload(sender->setup->credentials);
		confirm_before_send(request, now_ms);
		request->slice =
		    outbox_take(sender->outbox, receiver->largest_bytes);
		launch(sender, request, receiver);
	}
}

/* Asks about what is pending, where it is time; before events go out, or a
   busy slot would never get to it. */
static void
start_polls(struct sender *sender, int64_t now_ms)
{
	for (size_t i = 0; i < sender->slot_count; i++) {
		struct request *request = sender->slots[i];
		struct receiver *receiver = receiver_of_slot(sender, i);
		if (request->receiver != NULL ||
		    now_ms < confirm_due_ms(request))
			continue;
		confirm_expire(sender->confirm, request, receiver, now_ms);
		if (now_ms < confirm_due_ms(request))
			continue;
		if (receiver->acks.trouble == ACK_TROUBLE_UNANSWERED)
			credentials_reload(sender->setup->credentials);
		confirm_ask(request, receiver);
		transfer(sender, request);
	}
}

/* --- what a reply means --------------------------------------------------- */

/* Lines from `index` of the slice on. */
static struct slice
tail(struct slice slice, size_t from)
{
	slice.from = from;
	return slice;
}

static struct slice
head(struct slice slice, size_t to)
{
	slice.to = to;
	return slice;
}

static void
resend(struct sender *sender, struct slice slice)
{
	outbox_put(sender->outbox, slice, 1);
}

/* One line is refused by itself: set it aside, or stop before it. */
static void
refuse_line(struct sender *sender, const struct slice *slice, size_t at,
    const struct verdict *verdict, int status)
{
	const struct batch *batch = slice->batch;
	const struct batch_line *line = &batch->line[at];
	char uid[UID_MAX_BYTES + 1];
	const char *text = batch->body.data + line->event_start;

	line_uid(text, line->event_bytes, uid);
	struct aside_event event = { .line = batch->first_line + (int64_t)at,
		.text = text,
		.len_bytes = line->event_bytes,
		.true_bytes = line->event_bytes,
		.uid = uid };
	struct slice one = { slice->batch, at, at + 1 };
	if (aside_put(sender->setup->aside, &event, verdict->text, status,
		verdict->code) == 0) {
		outbox_settle(sender->outbox, &one);
	} else {
		outbox_send_only_before(sender->outbox, event.line);
		resend(sender, one); /* stays, unsent */
	}
}

static void
bench(struct sender *sender, const struct request *request,
    enum trouble trouble, const struct verdict *verdict, int status,
    int64_t now_ms)
{
	struct receiver *receiver = request->receiver;

	if (!receiver_bench(receiver, trouble, request->period,
		verdict->retry_after_ms, now_ms))
		return;
	complaint_phrase(verdict, status, receiver->why, sizeof(receiver->why));
	if (notice_is_due(&receiver->notice,
		complaint_key(trouble, verdict, status), now_ms))
		complaint_say(receiver, verdict, status,
		    receiver->benched_until_ms - now_ms,
		    sender->setup->stats->lines_in_hand);
}

static void
note_success(const struct request *request, int64_t now_ms)
{
	struct receiver *receiver = request->receiver;
	int64_t lasted_ms =
	    receiver_succeeded(receiver, request->period, now_ms);

	if (lasted_ms >= 0)
		message("%s: accepting again after %" PRId64 ".%" PRId64 " s",
		    receiver->name, lasted_ms / 1000, lasted_ms % 1000 / 100);
}

/* What the whole slice met is looked for in its halves. */
static void
bisect(struct sender *sender, const struct slice *slice)
{
	size_t middle = slice_line_of_event(slice, slice_events(slice) / 2);

	resend(sender, head(*slice, middle));
	resend(sender, tail(*slice, middle));
}

/* The body as a whole was too large, unless it is a single event.  Halves of
   this one, for what is cut to `largest_bytes` may be no smaller. */
static void
split(struct sender *sender, const struct request *request,
    const struct verdict *verdict, int status)
{
	const struct slice *slice = &request->slice;

	if (slice_events(slice) > 1) {
		receiver_shrink(request->receiver, slice_bytes(slice));
		bisect(sender, slice);
		return;
	}
	size_t at = slice_line_of_event(slice, 0);
	struct slice before = head(*slice, at);
	struct slice after = tail(*slice, at + 1);
	refuse_line(sender, slice, at, verdict, status);
	resend(sender, before);
	resend(sender, after);
}

/* The event `bad` is refused; what stands before it is settled. */
static void
step_over(struct sender *sender, struct request *request,
    const struct verdict *verdict, int status, int64_t now_ms)
{
	const struct slice *slice = &request->slice;
	size_t at = slice_line_of_event(slice, verdict->bad);
	struct slice before = head(*slice, at);
	struct slice after = tail(*slice, at + 1);
	struct slice whole = *slice;

	resend(sender, after);
	refuse_line(sender, &whole, at, verdict, status);
	confirm_accept(sender->confirm, request, &before, verdict, now_ms);
}

/* HEC kept the first `kept` events; the others are sent again. */
static void
keep_prefix(struct sender *sender, struct request *request,
    const struct verdict *verdict, int64_t now_ms)
{
	const struct slice *slice = &request->slice;
	size_t at = verdict->kept < slice_events(slice)
			? slice_line_of_event(slice, verdict->kept)
			: slice->to;
	struct slice before = head(*slice, at);
	struct slice after = tail(*slice, at);

	if (verdict->kept > 0)
		receiver_took_part(request->receiver, now_ms);
	resend(sender, after);
	confirm_accept(sender->confirm, request, &before, verdict, now_ms);
}

/*
 * What a receiver that does not know gzip is sent may well be bad data to it.
 * Until it has taken some, what it refuses is sent again as it is.
 */
static enum verdict_kind
kind_of(const struct request *request, const struct verdict *verdict)
{
	int is_all_bad =
	    verdict->kind == VERDICT_SOME_BAD ||
	    (verdict->kind == VERDICT_PREFIX_BAD && verdict->bad == 0);

	return is_all_bad && request->is_compressed &&
		       !request->receiver->has_taken_gzip
		   ? VERDICT_NO_GZIP
		   : verdict->kind;
}

static enum request_result
result_of(enum verdict_kind kind)
{
	switch (kind) {
	case VERDICT_ACCEPTED:
		return RESULT_ACCEPTED;
	case VERDICT_PREFIX_BAD:
	case VERDICT_SOME_BAD:
		return RESULT_PARTIAL;
	case VERDICT_TOO_LARGE:
		return RESULT_TOO_LARGE;
	case VERDICT_NO_GZIP:
		return RESULT_NO_GZIP;
	case VERDICT_HOLD:
		return RESULT_REFUSED;
	case VERDICT_RETRY:
		break;
	}
	return RESULT_RETRY;
}

static void
obey(struct sender *sender, struct request *request,
    const struct verdict *verdict, int status, int64_t now_ms)
{
	const struct slice *slice = &request->slice;
	enum verdict_kind kind = kind_of(request, verdict);

	sender->setup->stats->requests[result_of(kind)]++;
	confirm_doubt(sender->confirm, request, verdict, now_ms);
	switch (kind) {
	case VERDICT_ACCEPTED:
		note_success(request, now_ms);
		request->receiver->has_taken_gzip |= request->is_compressed;
		if (verdict->is_slow_down)
			receiver_slow_down(request->receiver);
		confirm_accept(sender->confirm, request, slice, verdict,
		    now_ms);
		break;
	case VERDICT_PREFIX_BAD:
		note_success(request, now_ms);
		step_over(sender, request, verdict, status, now_ms);
		break;
	case VERDICT_SOME_BAD:
		note_success(request, now_ms);
		if (slice_events(slice) > 1)
			bisect(sender, slice);
		else
			split(sender, request, verdict, status);
		break;
	case VERDICT_TOO_LARGE:
		note_success(request, now_ms);
		split(sender, request, verdict, status);
		break;
	case VERDICT_NO_GZIP:
		if (request->is_compressed) {
			request->receiver->is_gzip = 0;
			resend(sender, *slice);
			break;
		} /* fall through */
	case VERDICT_RETRY:
		bench(sender, request, TROUBLE_UNREACHED, verdict, status,
		    now_ms);
		keep_prefix(sender, request, verdict, now_ms);
		break;
	case VERDICT_HOLD:
		bench(sender, request, TROUBLE_REFUSED, verdict, status,
		    now_ms);
		keep_prefix(sender, request, verdict, now_ms);
		break;
	}
}

/* --- ending requests ------------------------------------------------------ */

/* Whether lines get on without this receiver. */
static int
has_another(const struct sender *sender, const struct receiver *receiver)
{
	for (size_t i = 0; i < sender->receiver_count; i++)
		if (&sender->receivers[i] != receiver &&
		    sender->receivers[i].trouble == TROUBLE_NONE)
			return 1;
	return 0;
}

/*
 * No reply: nobody there, or somebody who is not to be trusted (or we).  One
 * that hangs holds up the lines behind the request, so where there is another
 * it is left alone as long as it made us wait.
 */
static void
endure(struct sender *sender, struct request *request, CURLcode result,
    int64_t now_ms)
{
	int is_refused = request_is_refused_by_tls(request, result);
	struct verdict verdict = request_failure(request, result);

	if (result == CURLE_OPERATION_TIMEDOUT &&
	    has_another(sender, request->receiver))
		verdict.retry_after_ms = request_lasted_ms(request);
	sender->setup->stats->requests[RESULT_UNREACHED]++;
	bench(sender, request, is_refused ? TROUBLE_REFUSED : TROUBLE_UNREACHED,
	    &verdict, 0, now_ms);
	if (request_was_sent(request))
		confirm_doubt(sender->confirm, request, NULL, now_ms);
	resend(sender, request->slice);
}

/* A pooled connection that died idle says nothing about the receiver. */
static int
try_fresh_connection(struct sender *sender, struct request *request,
    CURLcode result, int64_t now_ms)
{
	struct receiver *receiver = request->receiver;

	if (request->is_second_try ||
	    !request_died_on_old_connection(request, result))
		return 0;
	confirm_doubt(sender->confirm, request, NULL, now_ms);
	request_finish(request);
	request->is_second_try = 1;
	sender->setup->stats->requests_again++;
	launch(sender, request, receiver);
	return 1;
}

static void
finish_events(struct sender *sender, struct request *request, CURLcode result,
    int64_t now_ms)
{
	credentials_mask(sender->setup->credentials, request->reply.data,
	    request->reply.len_bytes);
	struct reply reply = request_reply(request, result);

	request->receiver->in_flight--;
	sender->in_flight--;
	if (result != CURLE_OK && reply.status == 0) {
		if (try_fresh_connection(sender, request, result, now_ms))
			return;
		endure(sender, request, result, now_ms);
	} else {
		struct verdict verdict =
		    verdict_of(&reply, slice_events(&request->slice));
		credentials_mask_text(sender->setup->credentials, verdict.text);
		obey(sender, request, &verdict, reply.status, now_ms);
	}
	request_finish(request);
}

static void
finish(struct sender *sender, struct request *request, CURLcode result,
    int64_t now_ms)
{
	curl_multi_remove_handle(sender->multi, request->easy);
	if (!request->is_poll) {
		finish_events(sender, request, result, now_ms);
		return;
	}
	confirm_hear(sender->confirm, request, result, now_ms);
	request_finish(request);
}

static void
reap(struct sender *sender, int64_t now_ms)
{
	CURLMsg *event;
	int left;

	while ((event = curl_multi_info_read(sender->multi, &left)) != NULL) {
		struct request *request;
		CURLcode result = event->data.result;
		if (event->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(event->easy_handle, CURLINFO_PRIVATE,
		    &request);
		finish(sender, request, result, now_ms);
	}
}

void
sender_turn(struct sender *sender, int64_t now_ms)
{
	int running;
	CURLMcode result;

	start_polls(sender, now_ms);
	start_requests(sender, now_ms);
	result = curl_multi_perform(sender->multi, &running);
	if (result != CURLM_OK)
		die(EXIT_SOFTWARE, "libcurl: %s", curl_multi_strerror(result));
	reap(sender, now_ms);
	sender->setup->stats->requests_in_flight = sender->in_flight;
}

/* When a slot has to ask about what it has pending. */
static int64_t
next_poll_ms(const struct sender *sender)
{
	int64_t next_ms = INT64_MAX;

	for (size_t i = 0; i < sender->slot_count; i++)
		if (sender->slots[i]->receiver == NULL &&
		    confirm_due_ms(sender->slots[i]) < next_ms)
			next_ms = confirm_due_ms(sender->slots[i]);
	return next_ms;
}

/* When a benched receiver may be asked again, if work waits for it. */
static int64_t
next_start_ms(const struct sender *sender, int64_t now_ms)
{
	int64_t next_ms = INT64_MAX;

	if (!outbox_has_work(sender->outbox) ||
	    sender->in_flight == sender->setup->in_flight)
		return next_ms;
	for (size_t i = 0; i < sender->receiver_count; i++) {
		const struct receiver *receiver = &sender->receivers[i];
		if (find_slot(sender, receiver, now_ms) == NULL)
			continue;
		if (receiver_is_free(receiver, now_ms))
			return now_ms;
		if (receiver->benched_until_ms > now_ms &&
		    receiver->benched_until_ms < next_ms)
			next_ms = receiver->benched_until_ms;
	}
	return next_ms;
}

void
sender_wait(struct sender *sender, struct curl_waitfd *fds, unsigned count,
    int64_t now_ms, int64_t most_ms)
{
	int64_t next_ms = next_start_ms(sender, now_ms);
	int64_t poll_ms = next_poll_ms(sender);

	if (poll_ms < next_ms)
		next_ms = poll_ms;
	if (next_ms != INT64_MAX && next_ms - now_ms < most_ms)
		most_ms = next_ms - now_ms;
	if (most_ms > 60 * 1000)
		most_ms = 60 * 1000;
	CURLMcode result = curl_multi_poll(sender->multi, fds, count,
	    most_ms > 0 ? (int)most_ms : 0, NULL);
	if (result != CURLM_OK)
		die(EXIT_SOFTWARE, "libcurl: %s", curl_multi_strerror(result));
}

static struct sender_trouble
trouble_of(const struct receiver *receiver)
{
	if (receiver->trouble == TROUBLE_NONE &&
	    receiver->acks.trouble != ACK_TROUBLE_NONE)
		return (struct sender_trouble){ receiver->acks.is_refused
						    ? TROUBLE_REFUSED
						    : TROUBLE_UNREACHED,
			receiver->acks.trouble_since_ms, receiver->name,
			receiver->acks.why };
	return (struct sender_trouble){ receiver->trouble,
		receiver->idle_since_ms, receiver->name, receiver->why };
}

struct sender_trouble
sender_trouble(const struct sender *sender)
{
	struct sender_trouble worst = { .kind = TROUBLE_REFUSED };

	for (size_t i = 0; i < sender->receiver_count; i++) {
		struct sender_trouble one = trouble_of(&sender->receivers[i]);
		if (one.kind == TROUBLE_NONE)
			return one;
		if (worst.kind == TROUBLE_UNREACHED)
			one.kind = TROUBLE_UNREACHED;
		if (one.since_ms >= worst.since_ms)
			worst = one;
		else
			worst.kind = one.kind;
	}
	return worst;
}

/* --- setting up ----------------------------------------------------------- */

struct sender *
sender_new(const struct sender_setup *setup)
{
	struct sender *sender = calloc(1, sizeof(*sender));
	struct timespec now;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	clock_gettime(CLOCK_REALTIME, &now);
	if (sender == NULL || (sender->multi = curl_multi_init()) == NULL)
		die(EXIT_OS, "out of memory");
	sender->setup = setup;
	sender->outbox = outbox_new(setup->window, setup->stats);
	sender->confirm = confirm_new(sender->outbox, setup->stats);
	sender->receiver_count = setup->url_count;
	sender->receivers =
	    calloc(setup->url_count, sizeof(*sender->receivers));
	sender->slot_count = setup->url_count * setup->in_flight;
	sender->slots = calloc(sender->slot_count, sizeof(struct request *));
	if (sender->receivers == NULL || sender->slots == NULL)
		die(EXIT_OS, "out of memory");
	for (size_t i = 0; i < setup->url_count; i++)
		sender->receivers[i] = receiver_make(setup->urls[i],
		    setup->gzip, setup->in_flight, (uint64_t)now.tv_nsec + i);
	for (size_t i = 0; i < sender->slot_count; i++) {
		sender->slots[i] = request_new(&setup->request);
		if (setup->request.is_ack_polled)
			sender->slots[i]->acks =
			    ack_table_new(setup->ack_timeout_ms);
	}
	return sender;
}

void
sender_free(struct sender *sender)
{
	if (sender == NULL)
		return;
	for (size_t i = 0; i < sender->slot_count; i++) {
		curl_multi_remove_handle(sender->multi, sender->slots[i]->easy);
		ack_table_free(sender->slots[i]->acks);
		request_free(sender->slots[i]);
	}
	curl_multi_cleanup(sender->multi);
	free(sender->receivers);
	free(sender->slots);
	confirm_free(sender->confirm);
	outbox_free(sender->outbox);
	free(sender);
	curl_global_cleanup();
}
