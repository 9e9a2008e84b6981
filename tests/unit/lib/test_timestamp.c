/* RFC 3339 times, good and bad. */
#include "tests/unit/check.h"

#include <string.h>

#include "lib/timestamp.h"

static void
reads_every_form(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
		int32_t nanos;
	} cases[] = {
		{ "1970-01-01T00:00:00Z", 0, 0 },
		{ "1969-12-31T23:59:59Z", -1, 0 },
		{ "2026-11-23T13:00:00Z", 1795438800, 0 },
		{ "2026-11-23t13:00:00.5z", 1795438800, 500000000 },
		{ "2026-11-23 13:00:00.123456789Z", 1795438800, 123456789 },
		{ "2026-11-23T13:00:00.1234567899Z", 1795438800, 123456789 },
		{ "2026-11-23T14:30:00+01:30", 1795438800, 0 },
		{ "2026-11-23T08:00:00-05:00", 1795438800, 0 },
		{ "2024-02-29T00:00:00Z", 1709164800, 0 },
		{ "2000-02-29T00:00:00Z", 951782400, 0 },
		{ "2016-12-31T23:59:60Z", 1483228800, 0 },
		{ "0001-01-01T00:00:00Z", -62135596800, 0 },
		{ "9999-12-31T23:59:59.999Z", 253402300799, 999000000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct timestamp time;
		assert_int_equal(timestamp_parse(cases[i].text,
				     strlen(cases[i].text), &time),
		    0);
		assert_int_equal(time.seconds, cases[i].seconds);
		assert_int_equal(time.nanos, cases[i].nanos);
	}
}

static void
refuses_what_is_not_a_time(void **state)
{
	static const char *const cases[] = { "", "now", "2026-11-23",
		"2026-11-23T13:00:00", "2026-11-23T13:00Z",
		"2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
		"2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
		"2026-11-31T00:00:00Z", "2026-11-23T24:00:00Z",
		"2026-11-23T13:60:00Z", "2026-11-23T13:00:61Z",
		"2026-11-23T13:00:00.Z", "2026-11-23T13:00:00+0100",
		"2026-11-23T13:00:00+24:00", "2026-11-23T13:00:00Z ",
		" 2026-11-23T13:00:00Z", "2026-11-2xT13:00:00Z",
		"2026/11/23T13:00:00Z", "2026-11-23X13:00:00Z" };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct timestamp time;
		assert_int_equal(timestamp_parse(cases[i], strlen(cases[i]),
				     &time),
		    -1);
	}
}

static void
writes_what_it_reads(void **state)
{
	static const char *const cases[] = { "1970-01-01T00:00:00Z",
		"2026-11-23T13:00:00.99Z", "2026-11-23T13:00:00.000000001Z",
		"1969-12-31T23:59:59.5Z", "9999-12-31T23:59:59Z",
		"0001-01-01T00:00:00Z" };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct timestamp time;
		char text[TIMESTAMP_BYTES];
		assert_int_equal(timestamp_parse(cases[i], strlen(cases[i]),
				     &time),
		    0);
		assert_string_equal(timestamp_format(time, text), cases[i]);
	}
	char text[TIMESTAMP_BYTES];
	timestamp_format((struct timestamp){ INT64_MAX, 0 }, text);
	assert_string_equal(text, "9999-12-31T23:59:59Z");
	timestamp_format((struct timestamp){ INT64_MIN, 0 }, text);
	assert_string_equal(text, "0000-01-01T00:00:00Z");
}

static void
adds_across_seconds_both_ways(void **state)
{
	struct timestamp time = { 10, 500000000 };

	(void)state;
	time = timestamp_add_ms(time, 600);
	assert_int_equal(time.seconds, 11);
	assert_int_equal(time.nanos, 100000000);
	time = timestamp_add_ms(time, -200);
	assert_int_equal(time.seconds, 10);
	assert_int_equal(time.nanos, 900000000);
	time = timestamp_add_ms(time, -10900);
	assert_int_equal(time.seconds, 0);
	assert_int_equal(time.nanos, 0);
	assert_int_equal(timestamp_compare(time, (struct timestamp){ 0, 1 }),
	    -1);
	assert_int_equal(timestamp_compare(time, (struct timestamp){ -1, 9 }),
	    1);
	assert_int_equal(timestamp_compare(time, time), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_form),
		cmocka_unit_test(refuses_what_is_not_a_time),
		cmocka_unit_test(writes_what_it_reads),
		cmocka_unit_test(adds_across_seconds_both_ways),
	};

	return cmocka_run_group_tests_name("timestamp", tests, NULL, NULL);
}
