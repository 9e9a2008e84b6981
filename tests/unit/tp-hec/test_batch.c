/* Bodies, their lines and slices; the pool's bound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tp-hec/batch.h"

static void
add(struct batch *batch, const char *text)
{
	size_t start = batch->body.len_bytes;

	buffer_append_text(&batch->body, text);
	batch_end_line(batch, batch->first_line + (int64_t)batch->count, start,
	    strlen(text));
}

static void
assert_body(const struct slice *slice, const char *text)
{
	assert_int_equal(slice_bytes(slice), strlen(text));
	assert_memory_equal(slice_body(slice), text, strlen(text));
}

static void
test_a_slice_is_a_body(void **state)
{
	struct batch_pool *pool = batch_pool_new(100, 10, 2);
	struct batch *batch = batch_take(pool, 7);

	(void)state;
	add(batch, "one\n");
	add(batch, "two\n");
	add(batch, "three\n");
	struct slice whole = batch_whole(batch);
	struct slice middle = { batch, 1, 2 };
	struct slice none = { batch, 1, 1 };
	assert_body(&whole, "one\ntwo\nthree\n");
	assert_body(&middle, "two\n");
	assert_int_equal(slice_bytes(&none), 0);
	assert_int_equal(slice_first_line(&middle), 8);
	assert_int_equal(slice_events(&whole), 3);
	batch_pool_free(pool);
}

static void
test_lines_without_an_event_are_not_counted(void **state)
{
	struct batch_pool *pool = batch_pool_new(100, 10, 2);
	struct batch *batch = batch_take(pool, 1);

	(void)state;
	add(batch, "");
	add(batch, "one\n");
	add(batch, "");
	add(batch, "two\n");
	struct slice whole = batch_whole(batch);
	assert_int_equal(slice_events(&whole), 2);
	assert_int_equal(slice_line_of_event(&whole, 0), 1);
	assert_int_equal(slice_line_of_event(&whole, 1), 3);
	assert_body(&whole, "one\ntwo\n");
	batch_pool_free(pool);
}

static void
test_a_cut_keeps_within_the_bytes_but_takes_an_event(void **state)
{
	struct batch_pool *pool = batch_pool_new(100, 10, 2);
	struct batch *batch = batch_take(pool, 1);

	(void)state;
	add(batch, "");
	add(batch, "1234\n");
	add(batch, "1234\n");
	add(batch, "123456789\n");
	struct slice whole = batch_whole(batch);
	assert_int_equal(slice_cut(&whole, SIZE_MAX), 4);
	assert_int_equal(slice_cut(&whole, 20), 4);
	assert_int_equal(slice_cut(&whole, 19), 3);
	assert_int_equal(slice_cut(&whole, 10), 3);
	assert_int_equal(slice_cut(&whole, 9), 2);
	assert_int_equal(slice_cut(&whole, 1), 2);
	struct slice tail = { batch, 3, 4 };
	assert_int_equal(slice_cut(&tail, 1), 4);
	batch_pool_free(pool);
}

static void
test_the_line_too_many_begins_the_next_batch(void **state)
{
	struct batch_pool *pool = batch_pool_new(8, 10, 2);
	struct batch *batch = batch_take(pool, 5);
	struct batch *next = batch_take(pool, 0);

	(void)state;
	add(batch, "1234\n");
	assert_false(batch_is_full(batch));
	add(batch, "5678\n");
	assert_true(batch_is_over(batch));
	batch_move_last(batch, next);
	struct slice first = batch_whole(batch);
	struct slice second = batch_whole(next);
	assert_body(&first, "1234\n");
	assert_body(&second, "5678\n");
	assert_int_equal(slice_first_line(&second), 6);
	assert_int_equal(next->line[0].number, 6);
	assert_int_equal(next->line[0].event_start, 0);
	assert_int_equal(batch->events, 1);
	batch_pool_free(pool);
}

static void
test_the_pool_bounds_batches_and_bytes(void **state)
{
	struct batch_pool *pool = batch_pool_new(8, 10, 3);
	struct batch *one = batch_take(pool, 1);

	(void)state;
	assert_true(batch_pool_has_room(pool));
	add(one, "a giant that holds more than three of eight\n");
	assert_false(batch_pool_has_room(pool));
	assert_null(batch_take(pool, 2));
	batch_release(one);
	batch_release(NULL);
	for (int i = 0; i < 3; i++)
		assert_non_null(batch_take(pool, i + 1));
	assert_false(batch_pool_has_room(pool));
	batch_pool_free(pool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_slice_is_a_body),
		cmocka_unit_test(test_lines_without_an_event_are_not_counted),
		cmocka_unit_test(
		    test_a_cut_keeps_within_the_bytes_but_takes_an_event),
		cmocka_unit_test(test_the_line_too_many_begins_the_next_batch),
		cmocka_unit_test(test_the_pool_bounds_batches_and_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
