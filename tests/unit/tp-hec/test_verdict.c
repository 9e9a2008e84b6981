/* What replies mean: every code, with a number and without, and what is not
   HEC's at all. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

#include "tp-hec/verdict.h"

enum { LINES = 10 };

static struct verdict
verdict_on(int status, const char *body, size_t lines)
{
	struct reply reply = { .status = status,
		.body = body,
		.len_bytes = strlen(body) };

	return verdict_of(&reply, lines);
}

static struct verdict
verdict_on_code(int status, int code, int number, size_t lines)
{
	char body[128];

	if (number < 0)
		snprintf(body, sizeof(body), "{\"text\":\"words\",\"code\":%d}",
		    code);
	else
		snprintf(body, sizeof(body),
		    "{\"text\":\"words\",\"code\":%d,"
		    "\"invalid-event-number\":%d}",
		    code, number);
	return verdict_on(status, body, lines);
}

static void
assert_kind(const struct verdict *verdict, enum verdict_kind kind)
{
	assert_string_equal(verdict_name(verdict->kind), verdict_name(kind));
}

struct example {
	int code;
	int status;
	enum verdict_kind kind;   /* without a number */
	enum verdict_kind number; /* with number 4 of ten lines */
	size_t place;             /* `bad` or `kept` then */
};

static const struct example examples[] = {
	{ 0, 200, VERDICT_ACCEPTED, VERDICT_ACCEPTED, 0 },
	{ 1, 403, VERDICT_HOLD, VERDICT_HOLD, 0 },
	{ 2, 401, VERDICT_HOLD, VERDICT_HOLD, 0 },
	{ 3, 401, VERDICT_HOLD, VERDICT_HOLD, 0 },
	{ 4, 403, VERDICT_HOLD, VERDICT_HOLD, 0 },
	{ 5, 400, VERDICT_SOME_BAD, VERDICT_SOME_BAD, 0 },
	{ 6, 400, VERDICT_SOME_BAD, VERDICT_PREFIX_BAD, 4 },
	{ 7, 400, VERDICT_HOLD, VERDICT_HOLD, 3 },
	{ 8, 500, VERDICT_RETRY, VERDICT_RETRY, 0 },
	{ 9, 503, VERDICT_RETRY, VERDICT_RETRY, 4 },
	{ 10, 400, VERDICT_HOLD, VERDICT_HOLD, 0 },
	{ 11, 400, VERDICT_HOLD, VERDICT_HOLD, 0 },
	{ 12, 400, VERDICT_SOME_BAD, VERDICT_PREFIX_BAD, 4 },
	{ 13, 400, VERDICT_SOME_BAD, VERDICT_PREFIX_BAD, 4 },
	{ 14, 400, VERDICT_RETRY, VERDICT_RETRY, 0 },
	{ 15, 400, VERDICT_SOME_BAD, VERDICT_PREFIX_BAD, 4 },
	{ 16, 400, VERDICT_HOLD, VERDICT_HOLD, 0 },
	{ 17, 200, VERDICT_RETRY, VERDICT_RETRY, 0 },
	{ 18, 503, VERDICT_RETRY, VERDICT_RETRY, 4 },
	{ 19, 503, VERDICT_RETRY, VERDICT_RETRY, 4 },
	{ 20, 503, VERDICT_RETRY, VERDICT_RETRY, 4 },
	{ 21, 400, VERDICT_HOLD, VERDICT_HOLD, 0 },
	{ 22, 400, VERDICT_HOLD, VERDICT_HOLD, 0 },
	{ 23, 503, VERDICT_RETRY, VERDICT_RETRY, 4 },
	{ 24, 200, VERDICT_ACCEPTED, VERDICT_ACCEPTED, 0 },
	{ 25, 200, VERDICT_ACCEPTED, VERDICT_ACCEPTED, 0 },
	{ 26, 429, VERDICT_RETRY, VERDICT_RETRY, 4 },
	{ 27, 429, VERDICT_RETRY, VERDICT_RETRY, 4 },
	{ 28, 400, VERDICT_HOLD, VERDICT_HOLD, 0 },
	/* of no table */
	{ 29, 400, VERDICT_RETRY, VERDICT_RETRY, 0 },
	{ 29, 200, VERDICT_RETRY, VERDICT_RETRY, 0 },
	{ 404, 404, VERDICT_RETRY, VERDICT_RETRY, 0 },
	{ 405, 405, VERDICT_RETRY, VERDICT_RETRY, 0 },
};

static void
test_every_code(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		const struct example *e = &examples[i];
		struct verdict plain =
		    verdict_on_code(e->status, e->code, -1, LINES);
		struct verdict with =
		    verdict_on_code(e->status, e->code, 4, LINES);
		assert_kind(&plain, e->kind);
		assert_kind(&with, e->number);
		assert_int_equal(plain.code, e->code);
		assert_int_equal(plain.kept, 0);
		assert_int_equal(plain.bad, 0);
		assert_string_equal(plain.text, "words");
		int is_bad = with.kind == VERDICT_PREFIX_BAD;
		assert_int_equal(with.bad, is_bad ? e->place : 0);
		assert_int_equal(with.kept, is_bad ? 0 : e->place);
		assert_int_equal(plain.is_slow_down,
		    e->code == 24 || e->code == 25);
		assert_int_equal(plain.is_ack_disabled, e->code == 14);
		assert_int_equal(plain.ack_id, -1);
		assert_int_equal(plain.retry_after_ms, -1);
	}
}

static void
test_numbers_that_are_not_there_are_not_believed(void **state)
{
	static const int bad[] = { 6, 12, 13, 15 };
	struct verdict v;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		v = verdict_on_code(400, bad[i], LINES - 1, LINES);
		assert_kind(&v, VERDICT_PREFIX_BAD);
		assert_int_equal(v.bad, LINES - 1);
		v = verdict_on_code(400, bad[i], LINES, LINES);
		assert_kind(&v, VERDICT_SOME_BAD);
		v = verdict_on_code(400, bad[i], LINES + 1, LINES);
		assert_kind(&v, VERDICT_SOME_BAD);
	}
	v = verdict_on_code(503, 9, LINES, LINES);
	assert_int_equal(v.kept, LINES);
	v = verdict_on_code(503, 9, LINES + 1, LINES);
	assert_kind(&v, VERDICT_RETRY);
	assert_int_equal(v.kept, 0);
	v = verdict_on(503, "{\"code\":9,\"invalid-event-number\":-3}", LINES);
	assert_int_equal(v.kept, 0);
	v = verdict_on(503, "{\"code\":9,\"invalid-event-number\":\"3\"}",
	    LINES);
	assert_int_equal(v.kept, 0);
	v = verdict_on(503, "{\"code\":9,\"invalid-event-number\":3.0}", LINES);
	assert_int_equal(v.kept, 0);
	v = verdict_on(400,
	    "{\"code\":6,\"invalid-event-number\":9223372036854775807}", LINES);
	assert_kind(&v, VERDICT_SOME_BAD);
}

static void
test_an_incorrect_index_keeps_what_stands_before(void **state)
{
	struct verdict v;

	(void)state;
	/* The number is that of the line behind the bad one. */
	v = verdict_on_code(400, 7, 1, LINES);
	assert_kind(&v, VERDICT_HOLD);
	assert_int_equal(v.kept, 0);
	v = verdict_on_code(400, 7, LINES, LINES);
	assert_int_equal(v.kept, LINES - 1);
	v = verdict_on_code(400, 7, LINES + 1, LINES);
	assert_int_equal(v.kept, 0);
	v = verdict_on_code(400, 7, 0, LINES);
	assert_int_equal(v.kept, 0);
}

static void
test_a_single_line_is_the_bad_one(void **state)
{
	static const int bad[] = { 5, 6, 12, 13, 15 };

	(void)state;
	for (size_t i = 0; i < 5; i++)
		for (int number = -1; number < 3; number++) {
			struct verdict v =
			    verdict_on_code(400, bad[i], number, 1);
			assert_kind(&v, VERDICT_PREFIX_BAD);
			assert_int_equal(v.bad, 0);
		}
}

static void
test_a_probe_has_no_bad_line(void **state)
{
	struct verdict v = verdict_on_code(400, 5, -1, 0);

	(void)state;
	assert_int_equal(v.code, 5);
	v = verdict_on_code(400, 6, 0, 0);
	assert_kind(&v, VERDICT_SOME_BAD);
}

static void
test_success_needs_status_and_body(void **state)
{
	static const char *const bodies[] = { "", "{}",
		"{\"text\":\"Success\"}", "{\"text\":\"Success\",\"code\":0",
		"{\"code\":0}x", "{\"code\":0}{\"code\":0}", "{\"code\":\"0\"}",
		"{\"code\":0.0}", "{\"code\":false}", "{\"code\":null}",
		"[{\"code\":0}]", "\"Success\"", "0", "Success", "EOF",
		"<html>ok</html>", "{\"code\":-1}", "{\"code\":99999999999}",
		"{\"code\":99999999999999999999999}",
		"{\"code\":0,\"a\":\"\xff\"}" };

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct verdict v = verdict_on(200, bodies[i], LINES);
		assert_kind(&v, VERDICT_RETRY);
		assert_int_equal(v.code, -1);
		assert_int_equal(v.kept, 0);
		assert_true(v.text[0] != '\0');
	}
	struct verdict v = verdict_on(200, " {\"code\": 0}\r\n", LINES);
	assert_kind(&v, VERDICT_ACCEPTED);
	v = verdict_on(201, "{\"code\":0}", LINES);
	assert_kind(&v, VERDICT_ACCEPTED);
	static const int others[] = { 100, 199, 300, 302, 400, 500, 503 };
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		v = verdict_on(others[i], "{\"code\":0}", LINES);
		assert_kind(&v, VERDICT_RETRY);
	}
}

static void
test_a_cut_reply_settles_nothing(void **state)
{
	static const char *const bodies[] = { "{\"code\":0}",
		"{\"code\":6,\"invalid-event-number\":3}",
		"{\"code\":9,\"invalid-event-number\":3}", "" };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct reply reply = { .status = 200,
			.body = bodies[i],
			.len_bytes = strlen(bodies[i]),
			.is_cut = 1 };
		struct verdict v = verdict_of(&reply, LINES);
		assert_kind(&v, VERDICT_RETRY);
		assert_int_equal(v.kept, 0);
		assert_memory_equal(v.text, "cut short", 9);
		assert_int_equal(v.text[9], *bodies[i] != '\0' ? ':' : '\0');
	}
}

static void
test_what_is_not_hec_is_temporary(void **state)
{
	static const int statuses[] = { 200, 204, 301, 302, 307, 400, 401, 403,
		404, 405, 407, 408, 429, 500, 501, 502, 503, 504 };
	static const char *const bodies[] = { "",
		"<!DOCTYPE html>\n<html><body>Bad Gateway</body></html>",
		"\"insufficient permissions\"", "{\"message\":\"Forbidden\"}",
		"{\"code\":\"Forbidden\"}", "[]", "null" };

	(void)state;
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		for (size_t j = 0; j < sizeof(bodies) / sizeof(bodies[0]);
		     j++) {
			struct verdict v =
			    verdict_on(statuses[i], bodies[j], LINES);
			assert_kind(&v, VERDICT_RETRY);
			assert_int_equal(v.kept, 0);
			assert_int_equal(v.code, -1);
		}
}

static void
test_413_and_415_need_no_body(void **state)
{
	static const char *const bodies[] = { "", "<html>too large</html>",
		"{\"text\":\"too large\",\"code\":413}",
		"{\"code\":9,\"invalid-event-number\":3}" };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct verdict v = verdict_on(413, bodies[i], LINES);
		assert_kind(&v, VERDICT_TOO_LARGE);
		v = verdict_on(413, bodies[i], 1);
		assert_kind(&v, VERDICT_TOO_LARGE);
		v = verdict_on(415, bodies[i], LINES);
		assert_kind(&v, VERDICT_NO_GZIP);
		assert_int_equal(v.kept, 0);
	}
}

static void
test_ack_id(void **state)
{
	struct verdict v = verdict_on(200,
	    "{\"text\":\"Success\",\"code\":0,\"ackId\":0}", LINES);

	(void)state;
	assert_int_equal(v.ack_id, 0);
	/* A partial refusal has one for the part that was kept. */
	v = verdict_on(400,
	    "{\"text\":\"Invalid data format\",\"code\":6,"
	    "\"invalid-event-number\":2,\"ackId\":17}",
	    LINES);
	assert_kind(&v, VERDICT_PREFIX_BAD);
	assert_int_equal(v.ack_id, 17);
	v = verdict_on(200, "{\"code\":0,\"ackId\":\"1\"}", LINES);
	assert_int_equal(v.ack_id, -1);
}

static int64_t
retry_after(const char *value, int64_t now_seconds)
{
	struct reply reply = { .status = 503,
		.body = "",
		.retry_after = value,
		.now_seconds = now_seconds };

	return verdict_of(&reply, LINES).retry_after_ms;
}

static void
test_retry_after(void **state)
{
	static const char date[] = "Wed, 21 Oct 2015 07:28:00 GMT";
	const int64_t then = 1445412480;

	(void)state;
	assert_int_equal(retry_after(NULL, then), -1);
	assert_int_equal(retry_after("0", then), 0);
	assert_int_equal(retry_after("7", then), 7000);
	assert_int_equal(retry_after("86400", then),
	    VERDICT_RETRY_AFTER_MAX_MS);
	assert_int_equal(retry_after("9223372036854775807", then),
	    VERDICT_RETRY_AFTER_MAX_MS);
	assert_int_equal(retry_after(date, then - 5), 5000);
	assert_int_equal(retry_after(date, then + 5), 0);
	assert_int_equal(retry_after(date, 1000000000),
	    VERDICT_RETRY_AFTER_MAX_MS);
	assert_int_equal(retry_after(date, 0), -1);
	static const char *const bad[] = { "", "-1", "1.5", "soon", "1 s",
		"99999999999999999999999" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(retry_after(bad[i], then), -1);
}

static void
test_text_is_printable_and_bounded(void **state)
{
	char body[4000];
	struct verdict v;

	(void)state;
	v = verdict_on(502, "<html>\n\t<b>Bad\x1b[31m\x07 G\xc3\xa4te</b>",
	    LINES);
	assert_string_equal(v.text, "<html> <b>Bad [31m G te</b>");
	v = verdict_on(403, "{\"text\":\"a\\u0007\\u00e4b\\n\",\"code\":4}",
	    LINES);
	assert_string_equal(v.text, "a b");
	memset(body, 'x', sizeof(body));
	struct reply reply = { .status = 502,
		.body = body,
		.len_bytes = sizeof(body) };
	v = verdict_of(&reply, LINES);
	assert_int_equal(strlen(v.text), VERDICT_TEXT_BYTES - 1);
	v = verdict_on(200, "", LINES);
	assert_string_equal(v.text, "empty");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_code),
		cmocka_unit_test(
		    test_numbers_that_are_not_there_are_not_believed),
		cmocka_unit_test(
		    test_an_incorrect_index_keeps_what_stands_before),
		cmocka_unit_test(test_a_single_line_is_the_bad_one),
		cmocka_unit_test(test_a_probe_has_no_bad_line),
		cmocka_unit_test(test_success_needs_status_and_body),
		cmocka_unit_test(test_a_cut_reply_settles_nothing),
		cmocka_unit_test(test_what_is_not_hec_is_temporary),
		cmocka_unit_test(test_413_and_415_need_no_body),
		cmocka_unit_test(test_ack_id),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_text_is_printable_and_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
