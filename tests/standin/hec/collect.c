/*
 * Taking events.
 */
#include "collect.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "body.h"
#include "codes.h"
#include "ingest.h"
#include "server.h"

struct collection {
	struct exchange *exchange;
	enum fault_path path;
	char channel[CHANNEL_LEN + 1];
	bool is_gzip;
	struct ingest ingest;
	int64_t ack_id;
};

int
collect_channel(const struct exchange *exchange, char guid[CHANNEL_LEN + 1])
{
	const char *header =
	    http_header(&exchange->request, "X-Splunk-Request-Channel");
	char *query = http_parameter(&exchange->request, "channel");
	const char *text = header != NULL ? header : query;
	int code = HEC_SUCCESS;

	if (text == NULL)
		code = exchange->standin->options->is_cloud
			   ? HEC_CHANNEL_MISSING_STICKY
			   : HEC_CHANNEL_MISSING;
	else if (!acks_channel(guid, text))
		code = HEC_CHANNEL_INVALID;
	free(query);
	return code;
}

/* Token, channel, encoding; false when the request was answered. */
static bool
may_collect(struct collection *collection)
{
	struct exchange *exchange = collection->exchange;
	struct standin *standin = exchange->standin;
	const char *encoding =
	    http_header(&exchange->request, "Content-Encoding");
	int code = tokens_check(standin->options->tokens, &exchange->request,
	    &exchange->token);

	if (code == HEC_SUCCESS && exchange->token->uses_ack) {
		code = collect_channel(exchange, collection->channel);
		if (code == HEC_SUCCESS &&
		    !acks_have_room(standin->acks, exchange->indexer,
			collection->channel))
			code = HEC_BUSY;
	}
	if (code != HEC_SUCCESS) {
		exchange_code(exchange, code);
		return false;
	}
	if (encoding == NULL || strcasecmp(encoding, "identity") == 0)
		return true;
	collection->is_gzip = strcasecmp(encoding, "gzip") == 0;
	if (collection->is_gzip && !standin->options->refuses_gzip)
		return true;
	exchange_html(exchange, 415);
	return false;
}

/* --- the body, and what is in it ------------------------------------------ */

static void
ingest_body(struct collection *collection)
{
	struct exchange *exchange = collection->exchange;
	const struct options *options = exchange->standin->options;
	char *index = http_parameter(&exchange->request, "index");
	const struct ingest_rules rules = {
		.envelope = { .token = exchange->token,
		    .default_index = index,
		    .poison = options->poison,
		    .max_event_bytes = options->max_event_bytes },
		.whole_envelope = options->whole_envelope,
		.with_uids = options->with_uids,
		.keep_most = exchange->plan.keep,
	};

	if (collection->path == PATH_RAW)
		ingest_raw(&collection->ingest, exchange->body->data,
		    exchange->body->len, &rules);
	else
		ingest_events(&collection->ingest, exchange->body->data,
		    exchange->body->len, &rules);
	free(index);
}

/* Lines and bytes only, as fast as they come. */
static int
count_body(struct collection *collection, struct body *body)
{
	size_t keep = collection->exchange->plan.keep;
	ssize_t lines = body_count_lines(body);

	if (lines < 0)
		return (int)lines;
	collection->ingest = (struct ingest){ .number = -1 };
	if (lines == 0)
		collection->ingest.code = HEC_NO_DATA;
	collection->ingest.kept.count =
	    (size_t)lines < keep ? (size_t)lines : keep;
	return 0;
}

static int
read_body(struct collection *collection, struct body *body)
{
	struct exchange *exchange = collection->exchange;
	int error;

	if (exchange->standin->options->discards)
		return count_body(collection, body);
	exchange->body->len = 0;
	bytes_reserve(exchange->body, 1);
	error = body_read_whole(body, exchange->body);
	if (error == 0)
		ingest_body(collection);
	return error;
}

/* Reads half of what comes, or of the first 64 KB when that is not said. */
static void
read_half(struct exchange *exchange)
{
	struct http_request *request = &exchange->request;
	uint64_t half =
	    request->has_length ? request->body_left / 2 : 32 * 1024;
	char scrap[8192];
	ssize_t n = 1;

	while (n > 0 && request->body_read < half)
		n = http_read_body(exchange->http, request, scrap,
		    half - request->body_read < sizeof scrap
			? (size_t)(half - request->body_read)
			: sizeof scrap);
}

/* False when the body did not come whole, and that was answered. */
static bool
take_body(struct collection *collection)
{
	struct exchange *exchange = collection->exchange;
	struct body body;
	int error;

	body_begin(&body, exchange->http, &exchange->request,
	    collection->is_gzip);
	body.max_bytes = exchange->standin->options->max_body_bytes;
	body.rate = exchange->plan.read_rate;
	error = read_body(collection, &body);
	exchange->outcome.unpacked = body.unpacked;
	body_end(&body);
	switch (error) {
	case 0:
		return true;
	case BODY_TOO_LARGE:
		exchange_plain(exchange, 413, 413);
		return false;
	case BODY_BAD_GZIP:
		exchange_code(exchange, HEC_INVALID_FORMAT);
		return false;
	default:
		exchange->closes = true;
		return false;
	}
}

/* --- accepting, answering, accounting ------------------------------------- */

static void
keep(struct collection *collection)
{
	struct exchange *exchange = collection->exchange;
	struct batch *batch = &collection->ingest.kept;

	collection->ack_id = -1;
	exchange->outcome.kept = batch->count;
	exchange->outcome.hidden = collection->ingest.hidden;
	if (batch->count == 0)
		return;
	if (exchange->token->uses_ack)
		collection->ack_id = acks_add(exchange->standin->acks,
		    exchange->indexer, collection->channel, batch);
	else
		store_keep(exchange->standin->store, batch);
}

/* What the plan makes of the reply; the body's own error goes before it. */
static struct reply
make_reply(const struct collection *collection)
{
	const struct plan *plan = &collection->exchange->plan;
	const struct ingest *ingest = &collection->ingest;
	struct reply reply = { .status = code_status(ingest->code),
		.code = ingest->code,
		.number = ingest->number,
		.ack_id = collection->ack_id };

	if (plan->kind == FAULT_STATUS && ingest->code == HEC_SUCCESS) {
		reply.status = plan->status;
		reply.code = plan->code;
		reply.text = plan->text;
		if (plan->number >= 0)
			reply.number = (long)ingest->kept.count +
				       (plan->code == HEC_INCORRECT_INDEX);
		if (reply_tells(&reply, ingest->kept.count) == 0)
			reply.ack_id = -1;
	}
	return reply;
}

/* Returns how many of the events kept the sender was told of. */
static size_t
answer(struct collection *collection)
{
	struct exchange *exchange = collection->exchange;
	const struct reply reply = make_reply(collection);

	switch (exchange->plan.kind) {
	case FAULT_HTML:
		exchange_html(exchange, exchange->plan.status);
		return 0;
	case FAULT_EMPTY:
		exchange_empty(exchange, "");
		return 0;
	case FAULT_REDIRECT:
		exchange_redirect(exchange);
		return 0;
	case FAULT_TRUNCATED:
		exchange_truncated(exchange, &reply);
		return 0;
	case FAULT_REFUSE:
		exchange->closes = true;
		break;
	default:
		break;
	}
	return exchange_reply(exchange, &reply)
		   ? reply_tells(&reply, exchange->outcome.kept)
		   : 0;
}

static void
prepare_fault(struct exchange *exchange)
{
	struct standin *standin = exchange->standin;
	const struct plan *plan = &exchange->plan;

	if (plan->name[0] != '\0')
		exchange->outcome.fault = plan->name;
	if (plan->kind == FAULT_REFUSE)
		server_refuse(standin->server, plan->ms);
	if (plan->kind == FAULT_RESTART)
		acks_restart(standin->acks, plan->indexer);
}

void
collect(struct exchange *exchange, enum fault_path path)
{
	struct collection collection = { .exchange = exchange, .path = path };
	struct outcome *outcome = &exchange->outcome;

	faults_plan(exchange->standin->faults, path,
	    exchange->request.body_left, &exchange->plan);
	prepare_fault(exchange);
	if (exchange_breaks(exchange, FAULT_BEFORE) ||
	    !may_collect(&collection))
		return;
	if (exchange->plan.at == FAULT_MID) {
		read_half(exchange);
		if (exchange_breaks(exchange, FAULT_MID))
			return;
	}
	if (take_body(&collection)) {
		keep(&collection);
		if (!exchange_breaks(exchange, FAULT_AFTER))
			outcome->told = answer(&collection);
		store_note_untold(exchange->standin->store,
		    &collection.ingest.kept, outcome->kept - outcome->told);
	}
	batch_free(&collection.ingest.kept);
}
