/* Answers about ackIds: what confirms, and what is no answer. */
#include "tests/unit/check.h"

#include <string.h>

#include "tp-hec/ack_reply.h"

static int64_t ids[3];

static struct ack_reply
answer(int status, const char *body)
{
	struct reply reply = { .status = status,
		.body = body,
		.len_bytes = strlen(body) };

	ids[0] = 0;
	ids[1] = 7;
	ids[2] = 1234567890123;
	return ack_reply_of(&reply, ids, 3);
}

static void
true_confirms_and_false_does_not(void **state)
{
	struct ack_reply a = answer(200, "{\"acks\":{\"0\":false,\"7\":true,"
					 "\"1234567890123\":true}}");

	(void)state;
	assert_int_equal(a.kind, ACK_REPLY_STATES);
	assert_int_equal(a.confirmed, 2);
	assert_int_equal(ids[0], 7);
	assert_int_equal(ids[1], 1234567890123);
}

static void
only_ids_that_were_asked_about_count(void **state)
{
	struct ack_reply a =
	    answer(200, "{\"acks\":{\"1\":true,\"00\":true,\"7\":1,"
			"\"1234567890123\":\"true\"}}\n");

	(void)state;
	assert_int_equal(a.kind, ACK_REPLY_STATES);
	assert_int_equal(a.confirmed, 0);
}

static void
no_answer_confirms_nothing(void **state)
{
	static const struct {
		int status;
		const char *body;
	} replies[] = {
		{ 200, "" },
		{ 200, "<html>" },
		{ 200, "{}" },
		{ 200, "[]" },
		{ 200, "\"acks\"" },
		{ 200, "{\"acks\":[0,7]}" },
		{ 200, "{\"acks\":{\"0\":true,\"0\":true}}" },
		{ 200, "{\"acks\":{\"0\":true}} and more" },
		{ 404, "{\"acks\":{\"0\":true}}" },
		{ 503, "{\"acks\":{\"0\":true}}" },
		{ 0, "" },
		{ 400, "{\"text\":\"Event field is required\",\"code\":12}" },
		{ 503, "{\"text\":\"Server is busy\",\"code\":9}" },
		{ 404, "{\"text\":\"not found\",\"code\":404}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		struct ack_reply a = answer(replies[i].status, replies[i].body);
		assert_int_equal(a.kind, ACK_REPLY_REFUSED);
		assert_int_equal(a.confirmed, 0);
	}
}

static void
an_answer_cut_short_is_none(void **state)
{
	const char *body = "{\"acks\":{\"0\":true}}";
	struct reply reply = { .status = 200,
		.body = body,
		.len_bytes = strlen(body),
		.is_cut = 1 };

	(void)state;
	assert_int_equal(ack_reply_of(&reply, ids, 3).kind, ACK_REPLY_REFUSED);
}

static void
code_14_says_that_there_will_be_none(void **state)
{
	(void)state;
	assert_int_equal(answer(400,
			     "{\"text\":\"ACK is disabled\",\"code\":14}")
			     .kind,
	    ACK_REPLY_DISABLED);
}

static void
words_are_kept_for_people(void **state)
{
	struct ack_reply a =
	    answer(503, "{\"text\":\"Server is busy\",\"code\":9}");

	(void)state;
	assert_int_equal(a.why.code, 9);
	assert_string_equal(a.why.text, "Server is busy");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(true_confirms_and_false_does_not),
		cmocka_unit_test(only_ids_that_were_asked_about_count),
		cmocka_unit_test(no_answer_confirms_nothing),
		cmocka_unit_test(an_answer_cut_short_is_none),
		cmocka_unit_test(code_14_says_that_there_will_be_none),
		cmocka_unit_test(words_are_kept_for_people),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
