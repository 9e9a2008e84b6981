/* What a channel has pending: ids that rise, when to ask, when to give up, and
   what is left of trust after ids have started again. */
#include "tests/unit/check.h"

#include "tp-hec/ack_table.h"

enum { TIMEOUT_MS = 300 * 1000 };

static struct ack_table *table;

static int
set_up(void **state)
{
	(void)state;
	table = ack_table_new(TIMEOUT_MS);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	ack_table_free(table);
	return 0;
}

/* Slices are told apart by where they start. */
static int
add(int64_t id, size_t from, int64_t now_ms)
{
	return ack_table_add(table, id, (struct slice){ NULL, from, from + 1 },
	    now_ms);
}

static void
assert_confirms_at(int64_t id, size_t from, int64_t now_ms)
{
	struct slice slice;

	assert_int_equal(ack_table_confirm(table, id, &slice, now_ms), 1);
	assert_int_equal(slice.from, from);
}

static void
assert_confirms(int64_t id, size_t from)
{
	assert_confirms_at(id, from, 0);
}

static size_t
take_all(void)
{
	struct slice slice;
	size_t count = 0;

	while (ack_table_take(table, &slice))
		count++;
	return count;
}

/* A channel that ends: what the sender does then. */
static void
end(void)
{
	take_all();
	ack_table_renew(table);
}

static void
confirms_in_any_order_and_once(void **state)
{
	struct slice slice;

	(void)state;
	assert_int_equal(add(0, 10, 0), 0);
	assert_int_equal(add(1, 11, 0), 0);
	assert_int_equal(add(7, 17, 0), 0); /* a gap is no harm */
	assert_confirms(1, 11);
	assert_int_equal(ack_table_confirm(table, 1, &slice, 0), 0);
	assert_int_equal(ack_table_confirm(table, 3, &slice, 0), 0);
	assert_confirms(7, 17);
	assert_confirms(0, 10);
	assert_int_equal(ack_table_count(table), 0);
}

static void
takes_no_id_that_does_not_rise(void **state)
{
	(void)state;
	assert_int_equal(add(1, 1, 0), 0); /* some count from 1 */
	assert_int_equal(add(1, 2, 0), -1);
	assert_int_equal(add(0, 2, 0), -1);
	assert_int_equal(ack_table_count(table), 1);
	assert_confirms(1, 1);
	assert_int_equal(add(1, 2, 0), -1); /* confirmed is not forgotten */
	ack_table_renew(table);
	assert_int_equal(add(0, 2, 0), 0);
}

static void
gives_back_all_that_is_pending(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++)
		assert_int_equal(add(i, (size_t)i, 0), 0);
	assert_int_equal(take_all(), 100);
	assert_int_equal(ack_table_count(table), 0);
	assert_int_equal(ack_table_poll_ms(table), INT64_MAX);
	assert_int_equal(ack_table_expiry_ms(table), INT64_MAX);
}

static void
asks_at_growing_intervals(void **state)
{
	static const int64_t pauses_ms[] = { 400, 800, 1600, 3200, 6400, 10000,
		10000 };
	int64_t now_ms = 1000;

	(void)state;
	assert_int_equal(ack_table_poll_ms(table), INT64_MAX);
	add(0, 0, now_ms);
	assert_int_equal(ack_table_poll_ms(table), now_ms + 200);
	for (size_t i = 0; i < sizeof(pauses_ms) / sizeof(pauses_ms[0]); i++) {
		now_ms = ack_table_poll_ms(table);
		ack_table_polled(table, 0, now_ms);
		assert_int_equal(ack_table_poll_ms(table),
		    now_ms + pauses_ms[i]);
	}
	add(1, 1, now_ms); /* does not hurry it */
	assert_int_equal(ack_table_poll_ms(table), now_ms + 10000);
	assert_confirms(0, 0);
	ack_table_polled(table, 1, now_ms);
	assert_int_equal(ack_table_poll_ms(table), now_ms + 200);
}

static void
an_empty_table_begins_to_ask_anew(void **state)
{
	(void)state;
	add(0, 0, 0);
	for (int i = 0; i < 10; i++)
		ack_table_polled(table, 0, 0);
	assert_confirms(0, 0);
	add(1, 1, 500);
	assert_int_equal(ack_table_poll_ms(table), 700);
}

static void
asks_for_the_oldest_ids(void **state)
{
	int64_t ids[3] = { 0 };

	(void)state;
	for (int i = 0; i < 5; i++)
		add(i * 2, (size_t)i, 0);
	assert_int_equal(ack_table_ids(table, ids, 3), 3);
	assert_int_equal(ids[0], 0);
	assert_int_equal(ids[2], 4);
	assert_confirms(2, 1);
	assert_int_equal(ack_table_ids(table, ids, 3), 3);
	assert_int_equal(ids[1], 4);
	take_all();
	assert_int_equal(ack_table_ids(table, ids, 3), 0);
}

static void
the_oldest_id_sets_the_expiry(void **state)
{
	(void)state;
	add(0, 0, 1000);
	add(1, 1, 2000);
	assert_int_equal(ack_table_expiry_ms(table), 1000 + TIMEOUT_MS);
	assert_confirms(0, 0);
	assert_int_equal(ack_table_expiry_ms(table), 2000 + TIMEOUT_MS);
}

static int64_t
wait_of(int64_t now_ms)
{
	add(0, 0, now_ms);
	return ack_table_expiry_ms(table) - now_ms;
}

static void
is_more_patient_after_each_expiry_until_ids_come_in_time(void **state)
{
	(void)state;
	for (int64_t times = 1; times < ACK_TABLE_MOST_PATIENT; times *= 2) {
		assert_int_equal(wait_of(7), times * TIMEOUT_MS);
		ack_table_be_patient(table);
		end();
	}
	ack_table_be_patient(table);
	assert_int_equal(wait_of(7), ACK_TABLE_MOST_PATIENT * TIMEOUT_MS);
	assert_confirms_at(0, 0, 8 + TIMEOUT_MS / 2); /* late */
	end();
	assert_int_equal(wait_of(7), ACK_TABLE_MOST_PATIENT * TIMEOUT_MS);
	assert_confirms_at(0, 0, 7 + TIMEOUT_MS / 2);
	end();
	assert_int_equal(wait_of(7), TIMEOUT_MS);
}

static void
is_careful_for_a_while_after_ids_start_again(void **state)
{
	(void)state;
	add(0, 0, 0);
	add(1, 1, 0);
	assert_true(ack_table_may_send(table));
	assert_int_equal(add(0, 2, 0), -1);
	end();
	for (int i = 0; i < ACK_TABLE_FIRST_CAREFUL; i++) {
		assert_true(ack_table_may_send(table));
		if (ack_table_is_stale(table, 0))
			ack_table_renew(table);
		assert_int_equal(add(0, 0, 0), 0); /* on a channel of its own */
		assert_false(ack_table_may_send(table));
		assert_confirms(0, 0);
	}
	assert_false(ack_table_is_stale(table, 0));
	add(1, 1, 0);
	assert_true(ack_table_may_send(table));
}

static void
is_silent_when_no_id_came_or_was_confirmed_for_a_while(void **state)
{
	(void)state;
	assert_true(ack_table_is_silent(table, 0));
	add(0, 0, 1000);
	add(1, 1, 2000);
	assert_false(ack_table_is_silent(table, 1999 + ACK_TABLE_SILENCE_MS));
	assert_true(ack_table_is_silent(table, 2000 + ACK_TABLE_SILENCE_MS));
	assert_confirms_at(0, 0, 7000);
	assert_false(ack_table_is_silent(table, 6999 + ACK_TABLE_SILENCE_MS));
	ack_table_polled(table, 0, 9000); /* asking is not hearing */
	assert_true(ack_table_is_silent(table, 7000 + ACK_TABLE_SILENCE_MS));
}

/* Ids start again; how many requests travel carefully then. */
static int
careful_stretch(void)
{
	int count = 0;

	add(5, 0, 0);
	assert_int_equal(add(5, 0, 0), -1);
	end();
	while (add(count, 0, 0) == 0 && !ack_table_may_send(table))
		assert_confirms(count++, 0);
	end();
	return count;
}

static void
stretches_of_care_double_until_channels_last(void **state)
{
	int longest = 0;

	(void)state;
	assert_int_equal(careful_stretch(), 8);
	assert_int_equal(careful_stretch(), 16);
	assert_int_equal(careful_stretch(), 32);
	for (int i = 0; i < 64; i++) {
		assert_int_equal(add(i, 0, 0), 0);
		assert_confirms(i, 0);
	}
	end();
	assert_int_equal(careful_stretch(), 8);
	for (int i = 0; i < 10; i++)
		longest = careful_stretch();
	assert_int_equal(longest, ACK_TABLE_MOST_CAREFUL);
}

static void
asks_often_while_it_is_careful(void **state)
{
	(void)state;
	add(0, 0, 0);
	add(0, 0, 0);
	end();
	add(0, 0, 0);
	for (int i = 0; i < 10; i++)
		ack_table_polled(table, 0, 0);
	assert_int_equal(ack_table_poll_ms(table), ACK_TABLE_CAREFUL_POLL_MS);
}

static void
a_channel_unused_for_long_is_stale(void **state)
{
	(void)state;
	assert_false(ack_table_is_stale(table, 10 * ACK_TABLE_IDLE_MS));
	add(0, 0, 0);
	assert_false(ack_table_is_stale(table, 10 * ACK_TABLE_IDLE_MS));
	ack_table_polled(table, 1, 1000);
	assert_confirms(0, 0);
	assert_false(ack_table_is_stale(table, ACK_TABLE_IDLE_MS));
	assert_true(ack_table_is_stale(table, 1000 + ACK_TABLE_IDLE_MS));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(confirms_in_any_order_and_once),
		TEST(takes_no_id_that_does_not_rise),
		TEST(gives_back_all_that_is_pending),
		TEST(asks_at_growing_intervals),
		TEST(an_empty_table_begins_to_ask_anew),
		TEST(asks_for_the_oldest_ids),
		TEST(the_oldest_id_sets_the_expiry),
		TEST(is_more_patient_after_each_expiry_until_ids_come_in_time),
		TEST(is_silent_when_no_id_came_or_was_confirmed_for_a_while),
		TEST(is_careful_for_a_while_after_ids_start_again),
		TEST(stretches_of_care_double_until_channels_last),
		TEST(asks_often_while_it_is_careful),
		TEST(a_channel_unused_for_long_is_stale),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
