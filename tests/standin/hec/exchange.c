/*
 * One request and its answer.
 */
#include "exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codes.h"
#include "patience.h"

#define JSON_TYPE "application/json; charset=UTF-8"
#define HTML_TYPE "text/html; charset=UTF-8"

/* The cookie by which a balancer finds the same indexer again. */
static void
add_cookies(struct exchange *exchange, struct bytes *headers)
{
	char *cookie = http_parameter(&exchange->request, "channel_cookie");
	const char *channel =
	    http_header(&exchange->request, "X-Splunk-Request-Channel");

	const struct acks_settings *acks = &exchange->standin->options->acks;

	if (acks->indexers > 1 && !acks->sets_no_cookie)
		bytes_print(headers, "Set-Cookie: AWSALB=i%d; Path=/\r\n",
		    exchange->indexer);
	if (cookie != NULL && channel != NULL &&
	    strpbrk(cookie, "\r\n;") == NULL)
		bytes_print(headers, "Set-Cookie: %s=%s\r\n", cookie, channel);
	free(cookie);
}

/* Frees what the answer's headers hold. */
static bool
answer(struct exchange *exchange, struct http_answer *answer)
{
	bool peer_left;
	int failed;

	if (!exchange->request.body_ended &&
	    !http_skip_body(exchange->http, &exchange->request))
		exchange->closes = true;
	if (exchange->plan.latency_ms > 0)
		wait_ms(exchange->plan.latency_ms);
	if (http_header(&exchange->request, "User-Agent") == NULL)
		exchange->closes = true; /* forceHttp10=auto, server.conf */
	if (!exchange->request.keep_alive)
		exchange->closes = true;
	add_cookies(exchange, &answer->headers);
	answer->closes = exchange->closes;
	answer->rate = exchange->plan.answer_rate;
	answer->without_body = exchange->request.method != NULL &&
			       strcmp(exchange->request.method, "HEAD") == 0;
	peer_left = transport_peer_has_left(exchange->transport);
	failed = http_write_answer(exchange->http, answer);
	bytes_free(&answer->headers);
	if (failed != 0)
		exchange->closes = true;
	else
		exchange->outcome.status = answer->status;
	return failed == 0 && !peer_left;
}

static bool
answer_text(struct exchange *exchange, int status, const char *type,
    const char *text)
{
	struct http_answer whole = { .status = status,
		.type = type,
		.body = text,
		.body_len = strlen(text),
		.body_sent = strlen(text) };

	if (exchange->plan.retry_after >= 0)
		bytes_print(&whole.headers, "Retry-After: %d\r\n",
		    exchange->plan.retry_after);
	return answer(exchange, &whole);
}

static char *
reply_text(const struct reply *reply)
{
	const char *text = reply->text != NULL && reply->text[0] != '\0'
			       ? reply->text
			       : code_text(reply->code);
	json_t *json =
	    json_pack("{s:s,s:i}", "text", text, "code", reply->code);
	char *dump;

	if (reply->number >= 0)
		json_object_set_new(json, "invalid-event-number",
		    json_integer(reply->number));
	if (reply->ack_id >= 0)
		json_object_set_new(json, "ackId", json_integer(reply->ack_id));
	dump = json_dumps(json, JSON_COMPACT | JSON_PRESERVE_ORDER);
	json_decref(json);
	return dump;
}

bool
exchange_reply(struct exchange *exchange, const struct reply *reply)
{
	char *text = reply_text(reply);
	bool told;

	exchange->outcome.code = reply->code;
	told = answer_text(exchange, reply->status, JSON_TYPE, text);
	free(text);
	return told;
}

void
exchange_truncated(struct exchange *exchange, const struct reply *reply)
{
	char *text = reply_text(reply);
	struct http_answer half = { .status = reply->status,
		.type = JSON_TYPE,
		.body = text,
		.body_len = strlen(text),
		.body_sent = strlen(text) / 2 };

	answer(exchange, &half);
	exchange->closes = true;
	free(text);
}

bool
exchange_code(struct exchange *exchange, int code)
{
	return exchange_reply(exchange,
	    &(struct reply){ .status = code_status(code),
		.code = code,
		.number = -1,
		.ack_id = -1 });
}

bool
exchange_plain(struct exchange *exchange, int status, int code)
{
	const char *text = "The requested URL was not found on this server.";

	if (code == 413)
		text = "Content-Length of the request is too large.";
	return exchange_reply(exchange, &(struct reply){ .status = status,
					    .code = code,
					    .text = text,
					    .number = -1,
					    .ack_id = -1 });
}

bool
exchange_html(struct exchange *exchange, int status)
{
	char page[256];

	snprintf(page, sizeof page,
	    "<!doctype html><html><head><title>%d</title></head>"
	    "<body><h1>%d</h1><p>This page is not from an event collector."
	    "</p></body></html>\r\n",
	    status, status);
	return answer_text(exchange, status, HTML_TYPE, page);
}

bool
exchange_json(struct exchange *exchange, json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT);
	bool told = answer_text(exchange, 200, JSON_TYPE, text);

	free(text);
	json_decref(json);
	return told;
}

bool
exchange_empty(struct exchange *exchange, const char *headers)
{
	struct http_answer empty = { .status = 200, .type = HTML_TYPE };

	bytes_append(&empty.headers, headers, strlen(headers));
	return answer(exchange, &empty);
}

bool
exchange_redirect(struct exchange *exchange)
{
	struct http_answer redirect = { .status = exchange->plan.status,
		.type = HTML_TYPE };

	bytes_print(&redirect.headers, "Location: %s\r\n",
	    exchange->plan.location);
	return answer(exchange, &redirect);
}

bool
exchange_breaks(struct exchange *exchange, enum fault_point point)
{
	const struct plan *plan = &exchange->plan;

	if (plan->at != point ||
	    (plan->kind != FAULT_HANG && plan->kind != FAULT_RESET &&
		plan->kind != FAULT_CLOSE))
		return false;
	if (plan->kind == FAULT_HANG)
		wait_ms(plan->ms);
	if (plan->kind == FAULT_RESET)
		transport_reset(exchange->transport);
	exchange->closes = true;
	return true;
}

size_t
reply_tells(const struct reply *reply, size_t kept)
{
	size_t told = 0;

	if (reply->status == 200 && code_accepts(reply->code))
		return kept;
	if (reply->number >= 0)
		told = (size_t)reply->number;
	if (reply->code == HEC_INCORRECT_INDEX && told > 0)
		told--; /* it names the object behind the bad one */
	return told < kept ? told : kept;
}
