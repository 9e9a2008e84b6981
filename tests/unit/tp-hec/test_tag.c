/* The tag of a line, and what is left without it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tp-hec/tag.h"

static void
assert_stripped(const char *line, const char *rest, const char *run, int number)
{
	char text[200];
	struct tag tag;

	strcpy(text, line);
	size_t off = tag_strip(text, strlen(text), &tag);
	assert_int_not_equal(off, 0);
	assert_string_equal(text + off, rest);
	assert_string_equal(tag.run, run);
	assert_int_equal(tag.number, number);
}

static void
assert_untouched(const char *line)
{
	char text[200];
	struct tag tag;

	strcpy(text, line);
	assert_int_equal(tag_strip(text, strlen(text), &tag), 0);
	assert_string_equal(text, line);
}

static void
test_a_tag_comes_off(void **state)
{
	(void)state;
	assert_stripped("{\"_tp\":\"r-1/12\",\"a\":1}", "{\"a\":1}", "r-1", 12);
	assert_stripped("{\"_tp\":\"r/1\"}", "{}", "r", 1);
}

static void
test_what_is_no_tag_stays(void **state)
{
	static const char *const lines[] = { "", "{", "{}", "{\"a\":1}",
		"{\"_tp\":\"", "{\"_tp\":\"r/1", "{\"_tp\":\"r/1\"",
		"{\"_tp\":\"r/1\"x", "{\"_tp\":\"/1\",", "{\"_tp\":\"r/\",",
		"{\"_tp\":\"r/0\",", "{\"_tp\":\"r/-1\",",
		"{\"_tp\":\"r r/1\",", "{\"_tp\":\"r/99999999999999999999\",",
		"{\"a\":1,\"_tp\":\"r/1\"}" };

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_untouched(lines[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_tag_comes_off),
		cmocka_unit_test(test_what_is_no_tag_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
