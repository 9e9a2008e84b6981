/* Addresses as users write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tp-hec/url.h"

static void
assert_url(const char *text, const struct url_metadata *metadata,
    const char *wanted)
{
	const char *why;
	char *url = url_complete(text, "/services/collector/raw", metadata,
	    "teleport:audit", &why);

	assert_non_null(url);
	assert_string_equal(url, wanted);
	free(url);
}

static void
test_a_bare_address_gets_the_path(void **state)
{
	const struct url_metadata none = { 0 };

	(void)state;
	assert_url("https://h:8088", NULL,
	    "https://h:8088/services/collector/raw");
	assert_url("https://h:8088/", &none,
	    "https://h:8088/services/collector/raw?sourcetype=teleport%3aaudit");
	assert_url("https://h:8088?x=y", NULL,
	    "https://h:8088/services/collector/raw?x=y");
}

static void
test_a_path_is_used_as_it_is(void **state)
{
	const struct url_metadata none = { 0 };
	const struct url_metadata some = { .index = "a b" };

	(void)state;
	assert_url("https://h/x?y=1", NULL, "https://h/x?y=1");
	assert_url("https://h/x?y=1", &none, "https://h/x?y=1");
	assert_url("https://h/x?y=1", &some, "https://h/x?y=1&index=a+b");
}

static void
test_secrets_and_other_schemes_are_refused(void **state)
{
	static const char *const bad[] = { "ftp://h", "h:8088", "https://",
		"https://u:p@h", "https://u@h", "https://h/raw?token=T",
		"https://h/raw?a=1&token=T" };
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_null(url_complete(bad[i], "/", NULL, NULL, &why));
		assert_non_null(why);
	}
}

static void
test_names_have_no_query(void **state)
{
	char name[64];

	(void)state;
	url_name("https://h:1/p?q=1#f", name, sizeof(name));
	assert_string_equal(name, "https://h:1/p");
	assert_true(url_is_loopback("https://127.0.0.1:8088/"));
	assert_true(url_is_loopback("https://[::1]/"));
	assert_true(url_is_loopback("http://localhost/"));
	assert_false(url_is_loopback("https://10.0.0.1/"));
}

static void
test_questions_go_beside_the_collector(void **state)
{
	static const char *const urls[][2] = {
		{ "https://h:8088/services/collector/event",
		    "https://h:8088/services/collector/ack?channel=C" },
		{ "https://h/services/collector/event/1.0",
		    "https://h/services/collector/ack?channel=C" },
		{ "https://h/splunk/services/collector/raw?source=s",
		    "https://h/splunk/services/collector/ack?channel=C" },
		{ "https://h/services/collector/",
		    "https://h/services/collector/ack?channel=C" },
		{ "https://h/hec/", "https://h/hec/ack?channel=C" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		char *url = url_ack(urls[i][0], "C");
		assert_string_equal(url, urls[i][1]);
		free(url);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_bare_address_gets_the_path),
		cmocka_unit_test(test_a_path_is_used_as_it_is),
		cmocka_unit_test(test_secrets_and_other_schemes_are_refused),
		cmocka_unit_test(test_names_have_no_query),
		cmocka_unit_test(test_questions_go_beside_the_collector),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
