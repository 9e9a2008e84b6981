/* Which names may stand in a certificate, and in which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tp-certgen/alt_names.h"

static void
hosts_and_addresses_add_up(void **state)
{
	struct alt_names names = { 0 };

	(void)state;
	assert_int_equal(alt_names_add_hosts(&names, "a.example,b_1"), 0);
	assert_int_equal(alt_names_add_addresses(&names, "192.0.2.1,::1"), 0);
	assert_string_equal(buffer_text(&names.extension),
	    "DNS:a.example,DNS:b_1,IP:192.0.2.1,IP:::1");
	alt_names_free(&names);
}

static void
the_first_name_makes_the_url(void **state)
{
	static const char *const hosts[][2] = {
		{ "a.example,b", "a.example" },
		{ "*.example.com", "hec.example.com" },
	};
	static const char *const addresses[][2] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "2001:db8::1", "[2001:db8::1]" },
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct alt_names by_host = { 0 };
		struct alt_names by_address = { 0 };
		assert_int_equal(alt_names_add_hosts(&by_host, hosts[i][0]), 0);
		assert_string_equal(by_host.url_host, hosts[i][1]);
		assert_int_equal(alt_names_add_addresses(&by_address,
				     addresses[i][0]),
		    0);
		assert_string_equal(by_address.url_host, addresses[i][1]);
		alt_names_free(&by_host);
		alt_names_free(&by_address);
	}
}

/* A name of that length, out of labels of that length. */
static void
fill_host(char *host, size_t len_bytes, size_t label_bytes)
{
	for (size_t i = 0; i < len_bytes; i++)
		host[i] = (i + 1) % (label_bytes + 1) == 0 ? '.' : 'a';
	host[len_bytes] = '\0';
}

static void
lengths_are_those_of_the_dns(void **state)
{
	static const struct {
		size_t host_bytes, label_bytes;
		int result;
	} cases[] = {
		{ 63, 63, 0 },
		{ 64, 64, -1 },
		{ 253, 63, 0 },
		{ 254, 50, -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct alt_names names = { 0 };
		char host[300];
		fill_host(host, cases[i].host_bytes, cases[i].label_bytes);
		assert_int_equal(alt_names_add_hosts(&names, host),
		    cases[i].result);
		alt_names_free(&names);
	}
}

static void
what_is_no_name_is_refused(void **state)
{
	static const char *const hosts[] = { "", ",", "a,", ",a", "a..b", ".a",
		"a.", "-a", "a-", "*", "*.", "a.*", "*.*.a", "a b", "a:b",
		"a/b", "a\n", "\xc3\xa4.example" };
	static const char *const addresses[] = { "", "1.2.3", "1.2.3.4,",
		"1.2.3.256", "::g", "a.example", "1.2.3.4/8", "[::1]" };

	(void)state;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		struct alt_names names = { 0 };
		assert_int_equal(alt_names_add_hosts(&names, hosts[i]), -1);
		alt_names_free(&names);
	}
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		struct alt_names names = { 0 };
		assert_int_equal(alt_names_add_addresses(&names, addresses[i]),
		    -1);
		alt_names_free(&names);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts_and_addresses_add_up),
		cmocka_unit_test(the_first_name_makes_the_url),
		cmocka_unit_test(lengths_are_those_of_the_dns),
		cmocka_unit_test(what_is_no_name_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
