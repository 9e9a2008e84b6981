/* Pauses that grow, and troubles said seldom. */
#include "tests/unit/check.h"

#include "lib/backoff.h"
#include "lib/notice.h"

static void
pauses_grow_with_jitter_up_to_the_longest(void **state)
{
	struct backoff backoff = backoff_start(100, 1000, 42);
	int64_t whole_ms = 100;

	(void)state;
	for (int i = 0; i < 200; i++) {
		int64_t pause_ms = backoff_next_ms(&backoff);
		assert_in_range(pause_ms, (unsigned long)whole_ms / 2,
		    (unsigned long)whole_ms);
		whole_ms = whole_ms * 2 > 1000 ? 1000 : whole_ms * 2;
	}
	backoff_reset(&backoff);
	assert_in_range(backoff_next_ms(&backoff), 50, 100);
}

static void
two_clients_do_not_pause_alike(void **state)
{
	struct backoff a = backoff_start(1000, 100000, 1);
	struct backoff b = backoff_start(1000, 100000, 99);
	int same = 0;

	(void)state;
	for (int i = 0; i < 10; i++)
		same += backoff_next_ms(&a) == backoff_next_ms(&b);
	assert_in_range(same, 0, 5);
}

static void
a_trouble_is_said_once_and_then_seldom(void **state)
{
	struct notice notice = { 0 };
	int said = 0;

	(void)state;
	assert_false(notice_clear(&notice));
	assert_true(notice_is_due(&notice, 1, 0));
	for (int64_t ms = 1000; ms <= 24 * 3600 * 1000; ms += 1000)
		said += notice_is_due(&notice, 1, ms);
	assert_in_range(said, 24, 40); /* a day: minutes at first, then hours */
	assert_true(notice_is_due(&notice, 2, 24 * 3600 * 1000 + 1));
	assert_int_equal(notice.since_ms, 0);
	assert_true(notice_clear(&notice));
	assert_true(notice_is_due(&notice, 2, 24 * 3600 * 1000 + 2));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pauses_grow_with_jitter_up_to_the_longest),
		cmocka_unit_test(two_clients_do_not_pause_alike),
		cmocka_unit_test(a_trouble_is_said_once_and_then_seldom),
	};

	return cmocka_run_group_tests_name("waiting", tests, NULL, NULL);
}
