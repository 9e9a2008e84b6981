/* What may be acknowledged: the settled prefix, whatever the order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tp-hec/window.h"

static void
settle(struct window *window, int64_t first, int64_t last)
{
	struct window_mark mark = { .line = last, .number = last * 10 };

	snprintf(mark.uid, sizeof(mark.uid), "u-%d", (int)last);
	window_settle(window, first, &mark);
}

static void
assert_safe(const struct window *window, int64_t line)
{
	char uid[32];
	const struct window_mark *safe = window_safe(window);

	snprintf(uid, sizeof(uid), "u-%d", (int)line);
	assert_int_equal(safe->line, line);
	assert_int_equal(safe->number, line * 10);
	assert_string_equal(safe->uid, line ? uid : "");
}

static void
test_nothing_is_safe_at_first(void **state)
{
	struct window *window = window_new();

	(void)state;
	assert_safe(window, 0);
	window_free(window);
	window_free(NULL);
}

static void
test_ranges_in_order(void **state)
{
	struct window *window = window_new();

	(void)state;
	settle(window, 1, 10);
	assert_safe(window, 10);
	settle(window, 11, 11);
	assert_safe(window, 11);
	window_free(window);
}

static void
test_a_gap_holds_back_what_is_behind_it(void **state)
{
	struct window *window = window_new();

	(void)state;
	settle(window, 21, 30);
	settle(window, 11, 15);
	settle(window, 31, 40);
	assert_safe(window, 0);
	settle(window, 1, 10);
	assert_safe(window, 15);
	settle(window, 17, 20);
	assert_safe(window, 15);
	settle(window, 16, 16);
	assert_safe(window, 40);
	window_free(window);
}

/* Ranges of random lengths in random order, against a table of lines. */
static void
test_any_order_gives_the_settled_prefix(void **state)
{
	enum { LINES = 200, ROUNDS = 500 };

	(void)state;
	srand(1);
	for (int round = 0; round < ROUNDS; round++) {
		struct window *window = window_new();
		int first[LINES], last[LINES], settled[LINES + 2] = { 0 };
		int count = 0;
		for (int line = 1; line <= LINES; count++) {
			first[count] = line;
			last[count] = line + rand() % 9;
			if (last[count] > LINES)
				last[count] = LINES;
			line = last[count] + 1;
		}
		while (count > 0) {
			int i = rand() % count;
			settle(window, first[i], last[i]);
			for (int line = first[i]; line <= last[i]; line++)
				settled[line] = 1;
			count--;
			first[i] = first[count];
			last[i] = last[count];
			int safe = 0;
			while (settled[safe + 1])
				safe++;
			assert_safe(window, safe);
		}
		window_free(window);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_safe_at_first),
		cmocka_unit_test(test_ranges_in_order),
		cmocka_unit_test(test_a_gap_holds_back_what_is_behind_it),
		cmocka_unit_test(test_any_order_gives_the_settled_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
