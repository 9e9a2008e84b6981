/* Words of a command line to values. */
#include "tests/unit/check.h"

#include "lib/parse.h"
#include "lib/uid.h"

#include <string.h>

static void
reads_numbers_in_range_only(void **state)
{
	int64_t n = -7;

	(void)state;
	assert_int_equal(parse_number("0", 0, 10, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(parse_number("10", 0, 10, &n), 0);
	assert_int_equal(n, 10);
	assert_int_equal(parse_number("9223372036854775807", 0, INT64_MAX, &n),
	    0);
	static const char *const bad[] = { "", "11", "-1", "+1", "1 ", " 1",
		"0x1", "1.0", "9223372036854775808" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(parse_number(bad[i], 0, 10, &n), -1);
}

static void
reads_sizes(void **state)
{
	int64_t n;

	(void)state;
	assert_int_equal(parse_size("900k", 0, INT64_MAX, &n), 0);
	assert_int_equal(n, 900000);
	assert_int_equal(parse_size("1Mi", 0, INT64_MAX, &n), 0);
	assert_int_equal(n, 1048576);
	assert_int_equal(parse_size("2G", 0, INT64_MAX, &n), 0);
	assert_int_equal(n, 2000000000);
	assert_int_equal(parse_size("1kb", 0, INT64_MAX, &n), -1);
	assert_int_equal(parse_size("9999999999999G", 0, INT64_MAX, &n), -1);
	assert_int_equal(parse_size("k", 0, INT64_MAX, &n), -1);
}

static void
reads_durations(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = { { "300ms", 300 }, { "5s", 5000 }, { "5", 5000 },
		{ "1m30s", 90000 }, { "24h", 86400000 }, { "1d", 86400000 },
		{ "0", 0 } };
	static const char *const bad[] = { "", "s", "1x", "1m-1s", "-1s", "1 s",
		"99999999999999999d", "1s5" };
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(parse_duration(good[i].text, 0, INT64_MAX,
				     &ms),
		    0);
		assert_int_equal(ms, good[i].ms);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(parse_duration(bad[i], 0, INT64_MAX, &ms), -1);
	assert_int_equal(parse_duration("5s", 6000, 10000, &ms), -1);
}

static void
reads_addresses(void **state)
{
	static const struct {
		const char *text;
		const char *host;
		const char *port;
	} good[] = { { "auth.example.com:3025", "auth.example.com", "3025" },
		{ "auth.example.com", "auth.example.com", "7" },
		{ "[::1]:443", "::1", "443" }, { "[::1]", "::1", "7" },
		{ "127.0.0.1:65535", "127.0.0.1", "65535" } };
	static const char *const bad[] = { "", ":1", "a:", "a:0", "a:65536",
		"a:b", "::1", "[::1", "[]:1", "[::1]x", "a:1:2" };
	char host[256];
	char port[6];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(parse_address(good[i].text, "7", host, port),
		    0);
		assert_string_equal(host, good[i].host);
		assert_string_equal(port, good[i].port);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(parse_address(bad[i], "7", host, port), -1);
}

static void
knows_a_plain_uid(void **state)
{
	char longest[UID_MAX_BYTES + 2];

	(void)state;
	memset(longest, 'a', sizeof(longest));
	assert_true(uid_is_plain("5a-Z.9_:", 8));
	assert_true(uid_is_plain(longest, UID_MAX_BYTES));
	assert_false(uid_is_plain(longest, UID_MAX_BYTES + 1));
	assert_false(uid_is_plain("", 0));
	for (int c = 0; c < 256; c++) {
		char byte = (char)c;
		int expected =
		    c != 0 &&
		    strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvw"
			   "xyz0123456789._:-",
			c) != NULL;
		assert_int_equal(uid_is_plain(&byte, 1), expected);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_numbers_in_range_only),
		cmocka_unit_test(reads_sizes),
		cmocka_unit_test(reads_durations),
		cmocka_unit_test(reads_addresses),
		cmocka_unit_test(knows_a_plain_uid),
	};

	return cmocka_run_group_tests_name("parse", tests, NULL, NULL);
}
