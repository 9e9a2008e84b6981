/* When a receiver is left alone, and how much it is given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tp-hec/receiver.h"

static struct receiver
make(void)
{
	return receiver_make("https://h/", GZIP_AUTO, 4, 1);
}

static void
test_a_failure_benches_and_one_request_probes(void **state)
{
	struct receiver r = make();

	(void)state;
	assert_true(receiver_bench(&r, TROUBLE_UNREACHED, 0, -1, 100));
	assert_false(receiver_is_free(&r, 100));
	assert_in_range(r.benched_until_ms, 600, 1100);
	assert_true(receiver_is_free(&r, 1100));
	r.in_flight = 1;
	assert_false(receiver_is_free(&r, 1100));
}

static void
test_failures_of_the_same_time_count_once(void **state)
{
	struct receiver r = make();

	(void)state;
	assert_true(receiver_bench(&r, TROUBLE_UNREACHED, 0, -1, 100));
	int64_t until_ms = r.benched_until_ms;
	assert_false(receiver_bench(&r, TROUBLE_UNREACHED, 0, -1, 100));
	assert_int_equal(r.benched_until_ms, until_ms);
	assert_int_equal(receiver_succeeded(&r, 0, 101), -1);
	assert_int_equal(r.trouble, TROUBLE_UNREACHED);
}

static void
test_a_pause_asked_for_is_kept(void **state)
{
	struct receiver r = make();

	(void)state;
	receiver_bench(&r, TROUBLE_UNREACHED, 0, 30000, 100);
	assert_int_equal(r.benched_until_ms, 30100);
}

static void
test_success_ends_the_trouble(void **state)
{
	struct receiver r = make();

	(void)state;
	receiver_bench(&r, TROUBLE_REFUSED, 0, -1, 100);
	assert_true(notice_is_due(&r.notice, 1, 100));
	assert_int_equal(receiver_succeeded(&r, r.period, 5100), 5000);
	assert_int_equal(r.trouble, TROUBLE_NONE);
	assert_true(receiver_is_free(&r, 5100));
}

static void
test_capacity_shrinks_at_once_and_grows_slowly(void **state)
{
	struct receiver r = make();

	(void)state;
	receiver_slow_down(&r);
	receiver_slow_down(&r);
	receiver_slow_down(&r);
	assert_int_equal(r.limit, 1);
	for (int i = 0; i < 8; i++)
		receiver_succeeded(&r, 0, 0);
	assert_int_equal(r.limit, 2);
	receiver_shrink(&r, 1000000);
	assert_int_equal(r.largest_bytes, 500000);
	receiver_shrink(&r, 100);
	assert_int_equal(r.largest_bytes, 1024);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_failure_benches_and_one_request_probes),
		cmocka_unit_test(test_failures_of_the_same_time_count_once),
		cmocka_unit_test(test_a_pause_asked_for_is_kept),
		cmocka_unit_test(test_success_ends_the_trouble),
		cmocka_unit_test(
		    test_capacity_shrinks_at_once_and_grows_slowly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
