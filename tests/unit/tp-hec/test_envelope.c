/* Events in envelopes, and oversized ones cut. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "tp-hec/envelope.h"
#include "tp-hec/truncate.h"

/* The line's envelope, as a string to be freed. */
static char *
wrap(const struct envelope_options *options, const char *line)
{
	struct scan_names names = { 0 };
	struct scan_result result;
	struct buffer into = { 0 };
	const char *reason;
	struct envelope *envelope = envelope_new(options, &names, &reason);
	size_t len_bytes = strlen(line);
	char *padded = calloc(len_bytes + SCAN_PADDING, 1);

	assert_non_null(envelope);
	assert_non_null(padded);
	memcpy(padded, line, len_bytes + 1);
	assert_int_equal(scan_object(padded, len_bytes, &names, &result),
	    SCAN_OK);
	buffer_append_text(&into, "before");
	envelope_append(envelope, padded, len_bytes, &result, &into);
	free(padded);
	envelope_free(envelope);
	assert_memory_equal(into.data, "before", 6);
	buffer_consume(&into, 6);
	buffer_text(&into);
	json_t *json =
	    json_loadb(into.data, into.len_bytes, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json);
	json_decref(json);
	return into.data;
}

static void
assert_wrapped(const struct envelope_options *options, const char *line,
    const char *expected)
{
	char *text = wrap(options, line);

	assert_string_equal(text, expected);
	free(text);
}

static const struct envelope_options no_options;

static void
test_the_line_is_untouched(void **state)
{
	(void)state;
	assert_wrapped(&no_options, "{}", "{\"event\":{}}");
	assert_wrapped(&no_options,
	    " { \"b\" : 1e+21, \"a\":\"\\u00e4/\\/\" }\r",
	    "{\"event\": { \"b\" : 1e+21, \"a\":\"\\u00e4/\\/\" }\r}");
}

static void
test_everything_in_its_order(void **state)
{
	static const char *const fields[] = { "uid" };
	struct envelope_options options = { .fields = fields,
		.field_count = 1 };

	(void)state;
	options.fixed[ENVELOPE_HOST] = "h\"1\xc3\xa4";
	options.fixed[ENVELOPE_SOURCE] = "teleport";
	options.fixed[ENVELOPE_SOURCETYPE] = "teleport:audit";
	options.fixed[ENVELOPE_INDEX] = "audit";
	assert_wrapped(&options,
	    "{\"uid\":\"u-1\",\"time\":\"2023-11-14T22:13:20.123Z\"}",
	    "{\"time\":1700000000.123,\"host\":\"h\\\"1\xc3\xa4\","
	    "\"source\":\"teleport\",\"sourcetype\":\"teleport:audit\","
	    "\"index\":\"audit\",\"fields\":{\"uid\":\"u-1\"},\"event\":"
	    "{\"uid\":\"u-1\",\"time\":\"2023-11-14T22:13:20.123Z\"}}");
}

static void
test_times(void **state)
{
	static const char *const good[][2] = {
		{ "2023-11-14T22:13:20Z", "1700000000" },
		{ "2023-11-14T22:13:20.000Z", "1700000000" },
		{ "2023-11-14T22:13:20.5Z", "1700000000.5" },
		{ "2023-11-14T22:13:20.050Z", "1700000000.05" },
		{ "2023-11-14T22:13:20.123456789Z", "1700000000.123456789" },
		{ "2023-11-14T22:13:20.1234567891Z", "1700000000.123456789" },
		{ "2023-11-14T22:13:20.000000001Z", "1700000000.000000001" },
		{ "2023-11-14t22:13:20z", "1700000000" },
		{ "2023-11-14 22:13:20Z", "1700000000" },
		{ "2023-11-15T00:13:20.25+02:00", "1700000000.25" },
		{ "2023-11-14T16:43:20-05:30", "1700000000" },
		{ "1970-01-01T00:00:00Z", "0" },
		{ "1970-01-01T00:00:00.75Z", "0.75" },
		{ "9999-12-31T23:59:59.999Z", "253402300799.999" },
	};
	static const char *const bad[] = { "\"\"", "\"now\"", "null", "true",
		"1700000000", "{}", "[\"2023-11-14T22:13:20Z\"]",
		"\"2023-11-14\"", "\"2023-11-14T22:13:20\"",
		"\"0001-01-01T00:00:00Z\"", "\"1969-12-31T23:59:59.9Z\"",
		"\"2023-13-14T22:13:20Z\"", "\"2023-11-14T22:13:20.Z\"" };
	char line[100];
	char expected[200];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(line, sizeof(line), "{\"time\":\"%s\"}", good[i][0]);
		snprintf(expected, sizeof(expected),
		    "{\"time\":%s,\"event\":%s}", good[i][1], line);
		assert_wrapped(&no_options, line, expected);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(line, sizeof(line), "{\"time\":%s}", bad[i]);
		snprintf(expected, sizeof(expected), "{\"event\":%s}", line);
		assert_wrapped(&no_options, line, expected);
	}
}

static void
test_members_win_over_fixed_values(void **state)
{
	struct envelope_options options = { .field_count = 0 };

	(void)state;
	options.fixed[ENVELOPE_HOST] = "fixed";
	options.member[ENVELOPE_HOST] = "server";
	options.member[ENVELOPE_INDEX] = "tenant";
	assert_wrapped(&options, "{\"server\":\"a\\n\",\"tenant\":\"t\"}",
	    "{\"host\":\"a\\n\",\"index\":\"t\",\"event\":"
	    "{\"server\":\"a\\n\",\"tenant\":\"t\"}}");
	assert_wrapped(&options, "{\"server\":\"\",\"tenant\":\"\"}",
	    "{\"host\":\"fixed\",\"event\":{\"server\":\"\",\"tenant\":\"\"}}");
	assert_wrapped(&options, "{\"server\":1,\"tenant\":[\"x\"]}",
	    "{\"host\":\"fixed\",\"event\":{\"server\":1,\"tenant\":[\"x\"]}}");
}

static void
test_fields(void **state)
{
	static const char *const fields[] = { "a", "b", "c" };
	struct envelope_options options = { .fields = fields,
		.field_count = 3 };

	(void)state;
	static const char *const taken[][2] = {
		{ "\"x\"", "\"x\"" },
		{ "-1.5", "-1.5" },
		{ "true", "\"true\"" },
		{ "false", "\"false\"" },
		{ "[\"x\"]", "[\"x\"]" },
		{ "[ \"x\" , \"[1]\\\"{\" ]", "[ \"x\" , \"[1]\\\"{\" ]" },
	};
	static const char *const passed_over[] = { "null", "\"\"", "{}",
		"{\"d\":\"x\"}", "[]", "[1]", "[\"x\",1]", "[[\"x\"]]", "[{}]",
		"[null]", "[\"x\",true]" };
	char line[100];
	char expected[200];
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		snprintf(line, sizeof(line), "{\"b\":%s}", taken[i][0]);
		snprintf(expected, sizeof(expected),
		    "{\"fields\":{\"b\":%s},\"event\":%s}", taken[i][1], line);
		assert_wrapped(&options, line, expected);
	}
	for (size_t i = 0; i < sizeof(passed_over) / sizeof(passed_over[0]);
	     i++) {
		snprintf(line, sizeof(line), "{\"b\":%s}", passed_over[i]);
		snprintf(expected, sizeof(expected), "{\"event\":%s}", line);
		assert_wrapped(&options, line, expected);
	}
	assert_wrapped(&options, "{\"c\":1,\"b\":null,\"a\":true}",
	    "{\"fields\":{\"a\":\"true\",\"c\":1},\"event\":"
	    "{\"c\":1,\"b\":null,\"a\":true}}");
}

static void
test_options_that_cannot_be(void **state)
{
	struct envelope_options options = { .field_count = 0 };
	struct scan_names names = { 0 };
	const char *reason = NULL;
	char name[SCAN_MAX_MEMBERS][8];

	(void)state;
	options.fixed[ENVELOPE_HOST] = "\xff";
	assert_null(envelope_new(&options, &names, &reason));
	assert_non_null(reason);
	for (size_t i = 0; i < SCAN_MAX_MEMBERS; i++) {
		snprintf(name[i], sizeof(name[i]), "n%zu", i);
		scan_names_add(&names, name[i]);
	}
	assert_null(envelope_new(&no_options, &names, &reason));
	assert_non_null(reason);
	envelope_free(NULL);
}

/* --- cutting ------------------------------------------------------------- */

static void
assert_cut(const char *line, size_t most_bytes, const char *expected)
{
	struct buffer into = { 0 };

	truncate_event(line, strlen(line), most_bytes, &into);
	assert_true(into.len_bytes <= most_bytes);
	assert_string_equal(buffer_text(&into), expected);
	buffer_free(&into);
}

static void
test_the_largest_members_go_first(void **state)
{
	(void)state;
	assert_cut("{}", 64, "{\"_tp_truncated\":true}");
	assert_cut(" { \"a\" : 1 , \"b\":[{\"c\":\"]}\\\"\"}] }", 64,
	    "{\"a\" : 1 ,\"b\":[{\"c\":\"]}\\\"\"}] ,\"_tp_truncated\":true}");
	assert_cut("{\"a\":\"0123456789012345678901234567890123456789\","
		   "\"b\":{\"x\":[1,2,{\"y\":\",}\"}]},\"c\":3}",
	    64,
	    "{\"b\":{\"x\":[1,2,{\"y\":\",}\"}]},\"c\":3,"
	    "\"_tp_truncated\":true}");
	assert_cut("{\"a\":"
		   "\"0123456789012345678901234567890123456789012345678901234\""
		   "}",
	    64, "{\"_tp_truncated\":true}");
}

static void
test_what_just_fits_stays(void **state)
{
	static const char fits[] = "01234567890123456789012345678901234";
	char line[100];
	char expected[100];

	(void)state;
	snprintf(line, sizeof(line), "{\"a\":\"%s\"}", fits);
	snprintf(expected, sizeof(expected),
	    "{\"a\":\"%s\",\"_tp_truncated\":true}", fits);
	assert_int_equal(strlen(expected), 64);
	assert_cut(line, 64, expected);
	snprintf(line, sizeof(line), "{\"a\":\"%sx\"}", fits);
	assert_cut(line, 64, "{\"_tp_truncated\":true}");
}

static void
test_many_members(void **state)
{
	enum { MEMBERS = 50000, MOST_BYTES = 300000 };
	struct buffer line = { 0 };
	struct buffer into = { 0 };

	(void)state;
	buffer_append_byte(&line, '{');
	for (int i = 0; i < MEMBERS; i++)
		buffer_printf(&line, "%s\"%d\":\"%0*d\"", i == 0 ? "" : ",", i,
		    i % 50 + 1, 0);
	buffer_append_byte(&line, '}');
	truncate_event(line.data, line.len_bytes, MOST_BYTES, &into);
	assert_true(into.len_bytes <= MOST_BYTES);
	assert_true(into.len_bytes > MOST_BYTES - 100);
	json_t *json =
	    json_loadb(into.data, into.len_bytes, JSON_REJECT_DUPLICATES, NULL);
	assert_true(json_is_true(json_object_get(json, "_tp_truncated")));
	assert_non_null(json_object_get(json, "0"));
	assert_null(json_object_get(json, "49"));
	json_decref(json);
	buffer_free(&line);
	buffer_free(&into);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_line_is_untouched),
		cmocka_unit_test(test_everything_in_its_order),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_members_win_over_fixed_values),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_options_that_cannot_be),
		cmocka_unit_test(test_the_largest_members_go_first),
		cmocka_unit_test(test_what_just_fits_stays),
		cmocka_unit_test(test_many_members),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
