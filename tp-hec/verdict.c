/*
 * The reply codes of the HTTP Event Collector, and what each means for the
 * lines of the request.
 *
 * A batch is not atomic: HEC reads object by object and keeps what stands
 * before the one that it stops at, whose number it gives.  Believing that
 * number is what keeps a bad event from repeating the good ones before it; a
 * number is believed only where the code is known to give it that meaning.
 *
 * Where an answer can be read in two ways, the one that may repeat lines is
 * taken, never the one that may lose them.
 */
#include "tp-hec/verdict.h"

#include <ctype.h>
#include <curl/curl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/parse.h"

enum { MAX_BODY_BYTES = 65536 };

/* What "invalid-event-number": N says; objects are counted from 0. */
enum number_meaning {
	NUMBER_MEANS_NOTHING,
	NUMBER_IS_BAD,    /* N is bad, those before it are kept */
	NUMBER_AFTER_BAD, /* N - 1 is bad, those before that are kept */
	NUMBER_IS_KEPT    /* N were queued, the rest was not */
};

struct code_meaning {
	int code;
	enum verdict_kind kind;
	enum number_meaning number;
};

static const struct code_meaning code_table[] = {
	/* accepted, if the status says so too */
	{ 0, VERDICT_ACCEPTED, NUMBER_MEANS_NOTHING },  /* Success */
	{ 24, VERDICT_ACCEPTED, NUMBER_MEANS_NOTHING }, /* queue nearly full */
	{ 25, VERDICT_ACCEPTED, NUMBER_MEANS_NOTHING }, /* ACK nearly full */

	/* the token: an operator must mend it */
	{ 1, VERDICT_HOLD, NUMBER_MEANS_NOTHING },  /* Token disabled */
	{ 2, VERDICT_HOLD, NUMBER_MEANS_NOTHING },  /* Token is required */
	{ 3, VERDICT_HOLD, NUMBER_MEANS_NOTHING },  /* Invalid authorization */
	{ 4, VERDICT_HOLD, NUMBER_MEANS_NOTHING },  /* Invalid token */
	{ 16, VERDICT_HOLD, NUMBER_MEANS_NOTHING }, /* no token in the query */
	{ 21, VERDICT_HOLD, NUMBER_MEANS_NOTHING }, /* Invalid token (health) */
	{ 22, VERDICT_HOLD, NUMBER_MEANS_NOTHING }, /* disabled (health) */

	/* other configuration */
	{ 7, VERDICT_HOLD, NUMBER_AFTER_BAD },      /* Incorrect index */
	{ 10, VERDICT_HOLD, NUMBER_MEANS_NOTHING }, /* channel missing */
	{ 11, VERDICT_HOLD, NUMBER_MEANS_NOTHING }, /* Invalid channel */
	{ 28, VERDICT_HOLD, NUMBER_MEANS_NOTHING }, /* 10, as Cloud says it */

	/* an event; "No data" in answer to some is one that HEC skipped */
	{ 5, VERDICT_SOME_BAD, NUMBER_MEANS_NOTHING }, /* No data */
	{ 6, VERDICT_SOME_BAD, NUMBER_IS_BAD },        /* Invalid data format */
	{ 12, VERDICT_SOME_BAD, NUMBER_IS_BAD }, /* Event field is required */
	{ 13, VERDICT_SOME_BAD, NUMBER_IS_BAD }, /* Event field is blank */
	{ 15, VERDICT_SOME_BAD, NUMBER_IS_BAD }, /* indexed fields */

	/* temporary; an internal error is no base for believing a number */
	{ 8, VERDICT_RETRY, NUMBER_MEANS_NOTHING }, /* Internal error */
	{ 9, VERDICT_RETRY, NUMBER_IS_KEPT },       /* Server is busy */
	{ 18, VERDICT_RETRY, NUMBER_IS_KEPT },      /* queues are full */
	{ 19, VERDICT_RETRY, NUMBER_IS_KEPT },      /* no ACK service */
	{ 20, VERDICT_RETRY, NUMBER_IS_KEPT },      /* both */
	{ 23, VERDICT_RETRY, NUMBER_IS_KEPT },      /* shutting down */
	{ 26, VERDICT_RETRY, NUMBER_IS_KEPT },      /* queue at capacity */
	{ 27, VERDICT_RETRY, NUMBER_IS_KEPT },      /* ACK at capacity */

	/* answers to other questions, which settle no event */
	{ 14, VERDICT_RETRY, NUMBER_MEANS_NOTHING }, /* ACK is disabled */
	{ 17, VERDICT_RETRY, NUMBER_MEANS_NOTHING }, /* HEC is healthy */
};

/* What a code says that is not in the table; HEC also sends its own 404 and 405
   with the status for a code. */
static const struct code_meaning unknown_code = { -1, VERDICT_RETRY,
	NUMBER_MEANS_NOTHING };

static const struct code_meaning *
find_code(int code)
{
	for (size_t i = 0; i < sizeof(code_table) / sizeof(code_table[0]); i++)
		if (code_table[i].code == code)
			return &code_table[i];
	return &unknown_code;
}

/* Appends printable ASCII of `from` to `text`; runs of anything else become a
   blank.  What does not fit is left out. */
static void
append_printable(char text[VERDICT_TEXT_BYTES], const char *from,
    size_t len_bytes)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len_bytes && len + 1 < VERDICT_TEXT_BYTES; i++) {
		int is_printable = from[i] > ' ' && from[i] <= '~';
		if (is_printable)
			text[len++] = from[i];
		else if (len > 0 && text[len - 1] != ' ')
			text[len++] = ' ';
	}
	while (len > 0 && text[len - 1] == ' ')
		len--;
	text[len] = '\0';
}

/* A member that is an integer from 0 on, or -1. */
static int64_t
count_member(const json_t *body, const char *name)
{
	const json_t *value = json_object_get(body, name);

	return json_is_integer(value) && json_integer_value(value) >= 0
		   ? json_integer_value(value)
		   : -1;
}

/* The body if HEC wrote it, else NULL. */
static json_t *
parse_body(const struct reply *reply)
{
	json_t *body;

	if (reply->is_cut || reply->len_bytes > MAX_BODY_BYTES)
		return NULL;
	body = json_loadb(reply->body, reply->len_bytes, 0, NULL);
	int64_t code = body == NULL ? -1 : count_member(body, "code");
	if (code < 0 || code > INT32_MAX) {
		json_decref(body);
		return NULL;
	}
	return body;
}

/* What the number settles. */
static void
apply_number(struct verdict *verdict, enum number_meaning meaning,
    int64_t number, size_t lines)
{
	if (number < 0 || (uint64_t)number > lines)
		return;
	size_t n = (size_t)number;
	switch (meaning) {
	case NUMBER_IS_BAD:
		if (n < lines) {
			verdict->kind = VERDICT_PREFIX_BAD;
			verdict->bad = n;
		}
		break;
	case NUMBER_AFTER_BAD:
		verdict->kept = n > 0 ? n - 1 : 0;
		break;
	case NUMBER_IS_KEPT:
		verdict->kept = n;
		break;
	case NUMBER_MEANS_NOTHING:
		break;
	}
}

static void
judge_body(struct verdict *verdict, const struct reply *reply,
    const json_t *body, size_t lines)
{
	int code = (int)count_member(body, "code");
	const struct code_meaning *meaning = find_code(code);
	const char *words = json_string_value(json_object_get(body, "text"));

	verdict->code = code;
	verdict->kind = meaning->kind;
	verdict->ack_id = count_member(body, "ackId");
	verdict->is_slow_down = code == 24 || code == 25;
	verdict->is_ack_disabled = code == 14;
	apply_number(verdict, meaning->number,
	    count_member(body, "invalid-event-number"), lines);
	if (words != NULL)
		append_printable(verdict->text, words, strlen(words));

	if (verdict->kind == VERDICT_ACCEPTED &&
	    (reply->status < 200 || reply->status > 299))
		verdict->kind = VERDICT_RETRY;
	if (verdict->kind == VERDICT_SOME_BAD && lines == 1) {
		verdict->kind = VERDICT_PREFIX_BAD;
		verdict->bad = 0;
	}
}

/* Not HEC's words: temporary, whatever the status. */
static void
judge_foreign(struct verdict *verdict, const struct reply *reply)
{
	verdict->kind = VERDICT_RETRY;
	if (reply->is_cut)
		snprintf(verdict->text, sizeof(verdict->text), "cut short%s",
		    reply->len_bytes > 0 ? ": " : "");
	else if (reply->len_bytes == 0)
		snprintf(verdict->text, sizeof(verdict->text), "empty");
	append_printable(verdict->text, reply->body, reply->len_bytes);
}

/* Seconds or an HTTP date, as milliseconds from now, or -1. */
static int64_t
retry_after_ms(const char *value, int64_t now_seconds)
{
	int64_t seconds;

	if (value == NULL)
		return -1;
	if (parse_number(value, 0, INT64_MAX, &seconds) == -1) {
		time_t date = isalpha((unsigned char)*value)
				  ? curl_getdate(value, NULL)
				  : -1;
		if (date == -1 || now_seconds == 0)
			return -1;
		seconds = date > now_seconds ? date - now_seconds : 0;
	}
	return seconds < VERDICT_RETRY_AFTER_MAX_MS / 1000
		   ? seconds * 1000
		   : VERDICT_RETRY_AFTER_MAX_MS;
}

struct verdict
verdict_of(const struct reply *reply, size_t lines)
{
	struct verdict verdict = { .code = -1, .ack_id = -1 };
	json_t *body = parse_body(reply);

	if (body != NULL)
		judge_body(&verdict, reply, body, lines);
	else
		judge_foreign(&verdict, reply);
	json_decref(body);

	/* These two come from whatever reads the request first, and say what
	   to do whoever wrote the body: no line was looked at. */
	if (reply->status == 413 || reply->status == 415) {
		verdict.kind =
		    reply->status == 413 ? VERDICT_TOO_LARGE : VERDICT_NO_GZIP;
		verdict.bad = 0;
		verdict.kept = 0;
	}
	verdict.retry_after_ms =
	    retry_after_ms(reply->retry_after, reply->now_seconds);
	return verdict;
}

const char *
verdict_name(enum verdict_kind kind)
{
	switch (kind) {
	case VERDICT_ACCEPTED:
		return "accepted";
	case VERDICT_PREFIX_BAD:
		return "prefix-bad";
	case VERDICT_SOME_BAD:
		return "some-bad";
	case VERDICT_RETRY:
		return "retry";
	case VERDICT_TOO_LARGE:
		return "too-large";
	case VERDICT_NO_GZIP:
		return "no-gzip";
	case VERDICT_HOLD:
		return "hold";
	}
	return "unknown";
}
