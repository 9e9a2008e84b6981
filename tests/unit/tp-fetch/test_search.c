/*
 * The search against pagers of several kinds: every event once, whatever the
 * pager repeats, and wherever a run is cut off and resumed from its journal.
 */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buffer.h"
#include "tp-fetch/search.h"

enum { EVENTS = 300, DAY_MS = 86400000, START = 1700000000 };

/* Event i has id "e<i>" and the time time_of[i]; times ascend. */
static int64_t time_of[EVENTS];
static int sent[EVENTS];
static int visible; /* how many events the log holds now */

/* How the pager behaves. */
static struct {
	int repeats_last_instant; /* a page begins with it again */
	int repeats_last_second;  /* a window does, with the last one's */
	int rejects_keys;
	int stands_still;
} pager;

/* --- the query, read by hand: field numbers of Teleport's proto --------- */

struct asked {
	int64_t from;
	int64_t to;
	int limit;
	char key[64];
	int order;
};

static int64_t
read_seconds(const struct wire_field *field)
{
	struct wire_reader reader = wire_open(field->bytes, field->len_bytes);
	struct wire_field part;
	int64_t seconds = 0;

	while (wire_next(&reader, &part))
		if (part.number == 1)
			seconds = (int64_t)part.value;
	return seconds;
}

static struct asked
read_query(const struct buffer *query)
{
	struct wire_reader reader = wire_open(query->data, query->len_bytes);
	struct wire_field field;
	struct asked asked = { 0 };

	while (wire_next(&reader, &field)) {
		if (field.number == 2)
			asked.from = read_seconds(&field);
		else if (field.number == 3)
			asked.to = read_seconds(&field);
		else if (field.number == 5)
			asked.limit = (int)field.value;
		else if (field.number == 6)
			snprintf(asked.key, sizeof(asked.key), "%.*s",
			    (int)field.len_bytes, (const char *)field.bytes);
		else if (field.number == 7)
			asked.order = (int)field.value;
	}
	assert_false(reader.is_bad);
	assert_int_equal(asked.order, 1);
	return asked;
}

/* --- the pager ----------------------------------------------------------- */

struct answer {
	int first;
	int count;
	char key[64];
	int is_rejected;
};

static struct answer
serve(const struct asked *asked)
{
	struct answer answer = { 0 };
	int first = 0;

	if (*asked->key != '\0') {
		int64_t window;
		int after;
		assert_int_equal(sscanf(asked->key, "%lld/%d",
				     (long long *)&window, &after),
		    2);
		/* A key is good in its own window only. */
		assert_int_equal(window, asked->from);
		if (pager.rejects_keys) {
			answer.is_rejected = 1;
			return answer;
		}
		first = after + 1;
		while (pager.repeats_last_instant && first > 0 &&
		       time_of[first - 1] == time_of[after])
			first--;
	}
	while (first < visible &&
	       time_of[first] < asked->from - pager.repeats_last_second)
		first++;
	answer.first = first;
	while (first < visible && time_of[first] <= asked->to &&
	       answer.count < asked->limit) {
		answer.count++;
		first++;
	}
	if (pager.stands_still && *asked->key != '\0')
		snprintf(answer.key, sizeof(answer.key), "%s", asked->key);
	else if (first < visible && time_of[first] <= asked->to)
		snprintf(answer.key, sizeof(answer.key), "%lld/%d",
		    (long long)asked->from, first - 1);
	return answer;
}

/* --- a journal in memory: RFC 7396 --------------------------------------- */

static void
merge(json_t *target, const json_t *patch)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)patch, name, value)
	{
		json_t *old = json_object_get(target, name);
		if (json_is_null(value)) {
			json_object_del(target, name);
		} else if (json_is_object(value)) {
			if (!json_is_object(old)) {
				old = json_object();
				json_object_set_new(target, name, old);
			}
			merge(old, value);
		} else {
			json_object_set(target, name, value);
		}
	}
}

static void
record(void *state, const json_t *patch)
{
	merge(state, patch);
}

static void
record_sent(json_t *state, const char *id)
{
	json_t *patch = json_pack("{s:{s:{s:i}}}", "search", "seen", id, 1);

	merge(state, patch);
	json_decref(patch);
}

/* --- a run ---------------------------------------------------------------- */

enum run_end { RUN_DONE, RUN_IDLE, RUN_CUT, RUN_STUCK };

static struct timestamp now; /* make_log() sets it to long after the log */

/* Sends until the end, or until `budget` events were sent (-1: no limit). */
static enum run_end
run(json_t *state, int limit, int64_t until, int budget)
{
	struct search *search =
	    search_new(&(struct search_options){ .window_ms = DAY_MS,
			   .limit = limit,
			   .is_bounded = until != 0,
			   .until = { until, 0 } },
		state);
	struct buffer query = { 0 };
	enum run_end end = RUN_CUT;

	assert_non_null(search);
	for (;;) {
		query.len_bytes = 0;
		enum search_need need = search_query(search, now, &query);
		if (need != SEARCH_ASK) {
			end = need == SEARCH_DONE   ? RUN_DONE
			      : need == SEARCH_IDLE ? RUN_IDLE
						    : RUN_STUCK;
			break;
		}
		struct asked asked = read_query(&query);
		struct answer answer = serve(&asked);
		if (answer.is_rejected) {
			assert_true(search_drop_key(search, record, state));
			continue;
		}
		assert_int_equal(search_turn(search,
				     (struct audit_text){ answer.key,
					 strlen(answer.key) }),
		    0);
		for (int i = answer.first; i < answer.first + answer.count;
		     i++) {
			char id[16];
			size_t len = (size_t)snprintf(id, sizeof(id), "e%d", i);
			if (!search_take(search, id, len,
				(struct timestamp){ time_of[i], 0 }))
				continue;
			if (budget == 0)
				goto out;
			budget--;
			sent[i]++;
			record_sent(state, id);
		}
		search_finish_page(search, record, state);
	}
out:
	search_free(search);
	buffer_free(&query);
	return end;
}

static json_t *
first_state(void)
{
	return json_pack("{s:o}", "search",
	    search_first_state((struct timestamp){ START, 0 }, DAY_MS));
}

/* `step_s` seconds apart, in groups of `group` at one instant. */
static int
make_log(int64_t step_s, int group)
{
	memset(&pager, 0, sizeof(pager));
	memset(sent, 0, sizeof(sent));
	visible = EVENTS;
	now = (struct timestamp){ START + 100 * 86400, 0 };
	for (int i = 0; i < EVENTS; i++)
		time_of[i] = START + i / group * step_s;
	return 0;
}

static void
assert_each_sent_once(int first, int end)
{
	for (int i = first; i < end; i++)
		assert_int_equal(sent[i], 1);
}

static void
every_event_is_sent_once(void **unused)
{
	static const int limits[] = { 1, 7, 100, 300, 10000 };

	(void)unused;
	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		make_log(1500, 1); /* some five windows */
		json_t *state = first_state();
		assert_int_equal(run(state, limits[i], START + 9 * 86400, -1),
		    RUN_DONE);
		assert_each_sent_once(0, EVENTS);
		json_decref(state);
	}
}

static void
a_run_that_was_cut_off_anywhere_repeats_nothing(void **unused)
{
	(void)unused;
	for (int budget = 1; budget < 40; budget++) {
		make_log(1500, 3);
		pager.repeats_last_instant = 1;
		json_t *state = first_state();
		for (int i = 0; i < EVENTS / budget + 1; i++)
			/* Another page size each time: pages do not line up. */
			run(state, 10 + i % 5, START + 9 * 86400, budget);
		assert_int_equal(run(state, 10, START + 9 * 86400, -1),
		    RUN_DONE);
		assert_each_sent_once(0, EVENTS);
		json_decref(state);
	}
}

static void
an_event_on_the_bound_of_two_windows_is_sent_once(void **unused)
{
	(void)unused;
	make_log(86400 / 4, 4); /* groups fall on every bound */
	json_t *state = first_state();
	assert_int_equal(run(state, 3, START + 30 * 86400, -1), RUN_DONE);
	assert_each_sent_once(0, EVENTS);
	json_decref(state);
}

static void
a_run_cut_off_on_the_bound_repeats_nothing(void **unused)
{
	(void)unused;
	for (int budget = 1; budget < 12; budget++) {
		make_log(86400, 6);
		json_t *state = first_state();
		for (int i = 0; i < EVENTS / budget + 1; i++)
			run(state, 2, START + 60 * 86400, budget);
		assert_int_equal(run(state, 2, START + 60 * 86400, -1),
		    RUN_DONE);
		assert_each_sent_once(0, EVENTS);
		json_decref(state);
	}
}

static void
a_window_that_repeats_a_second_sends_nothing_again(void **unused)
{
	(void)unused;
	for (int limit = 1; limit < 9; limit++) {
		make_log(1, 1);
		pager.repeats_last_second = 1;
		/* Three in the last second of each day, three on the bound. */
		for (int i = 0; i < EVENTS; i++)
			time_of[i] =
			    START + (i / 6 + 1) * 86400 - 1 + i / 3 % 2;
		json_t *state = first_state();
		assert_int_equal(run(state, limit, START + 60 * 86400, -1),
		    RUN_DONE);
		assert_each_sent_once(0, EVENTS);
		json_decref(state);
	}
}

static void
a_poll_sends_only_what_is_new(void **unused)
{
	(void)unused;
	make_log(1, 1);
	now = (struct timestamp){ START + 1000, 0 };
	json_t *state = first_state();
	for (visible = 0; visible < EVENTS; visible += 13) {
		assert_int_equal(run(state, 50, 0, -1), RUN_IDLE);
		assert_each_sent_once(0, visible);
	}
	visible = EVENTS;
	assert_int_equal(run(state, 50, 0, -1), RUN_IDLE);
	assert_each_sent_once(0, EVENTS);
	json_decref(state);
}

static void
keep_if_none(void *state, const json_t *patch)
{
	json_t **first = state;

	if (*first == NULL)
		*first = json_deep_copy(patch);
}

/* A disk may be full between the two patches of a move. */
static void
half_a_move_is_the_page_that_follows(void **unused)
{
	json_t *state = first_state();
	json_t *patch = NULL;
	struct buffer query = { 0 };
	struct search *search =
	    search_new(&(struct search_options){ .window_ms = DAY_MS,
			   .limit = 1 },
		state);

	(void)unused;
	search_query(search, (struct timestamp){ START + 9, 0 }, &query);
	search_turn(search, (struct audit_text){ "next", 4 });
	search_take(search, "e0", 2, (struct timestamp){ START + 1, 0 });
	search_take(search, "e1", 2, (struct timestamp){ START + 2, 0 });
	search_finish_page(search, keep_if_none, &patch);
	const json_t *moved = json_object_get(patch, "search");
	assert_string_equal(json_string_value(json_object_get(moved, "key")),
	    "next");
	assert_true(json_is_null(json_object_get(moved, "seen")));
	json_decref(patch);
	search_free(search);
	buffer_free(&query);
	json_decref(state);
}

static void
count_ids(void *count, const json_t *patch)
{
	*(size_t *)count += json_object_size(
	    json_object_get(json_object_get(patch, "search"), "seen"));
}

/* They all count until the instant is over: they are not all said each time. */
static void
moves_within_an_instant_name_no_id_twice(void **unused)
{
	json_t *state = first_state();
	struct buffer query = { 0 };
	size_t count = 0;
	char text[16];
	struct search *search =
	    search_new(&(struct search_options){ .window_ms = DAY_MS,
			   .limit = 10 },
		state);

	(void)unused;
	for (int page = 0; page < 100; page++) {
		search_query(search, (struct timestamp){ START + 9, 0 },
		    &query);
		snprintf(text, sizeof(text), "key%d", page);
		search_turn(search, (struct audit_text){ text, strlen(text) });
		for (int i = 0; i < 10; i++) {
			snprintf(text, sizeof(text), "e%d", page * 10 + i);
			assert_true(search_take(search, text, strlen(text),
			    (struct timestamp){ START + 1 + (page == 99), 0 }));
		}
		search_finish_page(search, count_ids, &count);
	}
	assert_int_equal(count, 10); /* the last page's */
	search_free(search);
	buffer_free(&query);
	json_decref(state);
}

static void
an_empty_page_forgets_nothing(void **unused)
{
	json_t *state = first_state();
	struct buffer query = { 0 };

	(void)unused;
	record_sent(state, "e0");
	struct search *search =
	    search_new(&(struct search_options){ .window_ms = DAY_MS,
			   .limit = 1 },
		state);
	search_query(search, (struct timestamp){ START + 9, 0 }, &query);
	search_turn(search, (struct audit_text){ "next", 4 });
	search_finish_page(search, record, state);
	search_query(search, (struct timestamp){ START + 9, 0 }, &query);
	search_turn(search, (struct audit_text){ "", 0 });
	assert_int_equal(search_take(search, "e0", 2,
			     (struct timestamp){ START + 1, 0 }),
	    0);
	search_free(search);
	buffer_free(&query);
	json_decref(state);
}

static void
an_end_to_come_is_waited_for(void **unused)
{
	const int64_t until = START + 5 * 86400;

	(void)unused;
	make_log(1500, 1);
	json_t *state = first_state();
	/* Within a window and on its bound. */
	for (int64_t at = START + 43200; at < until; at += 43200) {
		now = (struct timestamp){ at, 0 };
		visible = (int)((at - START) / 1500) + 1;
		assert_int_equal(run(state, 50, until, -1), RUN_IDLE);
		assert_each_sent_once(0, visible);
	}
	visible = EVENTS;
	now = (struct timestamp){ until, 0 };
	assert_int_equal(run(state, 50, until, -1), RUN_DONE);
	assert_each_sent_once(0, (int)((until - START) / 1500) + 1);
	json_decref(state);
}

static void
a_key_that_is_no_longer_taken_is_got_around(void **unused)
{
	(void)unused;
	make_log(60, 2);
	json_t *state = first_state();
	run(state, 10, START + 9 * 86400, 95);
	pager.rejects_keys = 1;
	/* Without keys a page must hold all that is left of the window. */
	assert_int_equal(run(state, 10000, START + 9 * 86400, -1), RUN_DONE);
	assert_each_sent_once(0, EVENTS);
	json_decref(state);
}

static void
a_pager_that_stands_still_is_not_the_end(void **unused)
{
	(void)unused;
	make_log(60, 1);
	pager.stands_still = 1;
	json_t *state = first_state();
	assert_int_equal(run(state, 10, START + 9 * 86400, -1), RUN_STUCK);
	json_decref(state);
}

static void
a_key_that_is_no_text_is_refused(void **unused)
{
	json_t *state = first_state();
	struct buffer query = { 0 };
	struct search *search =
	    search_new(&(struct search_options){ .window_ms = DAY_MS,
			   .limit = 1 },
		state);

	(void)unused;
	search_query(search, (struct timestamp){ START + 9, 0 }, &query);
	assert_int_equal(search_turn(search, (struct audit_text){ "\xff", 1 }),
	    -1);
	assert_int_equal(search_turn(search, (struct audit_text){ "a\0b", 3 }),
	    -1);
	search_free(search);
	buffer_free(&query);
	json_decref(state);
}

static void
a_foreign_state_is_refused(void **unused)
{
	static const char *const states[] = { "{}", "{\"search\":1}",
		"{\"search\":{\"from\":\"2026-01-01T00:00:00Z\"}}",
		"{\"search\":{\"at\":\"x\",\"from\":\"2026-01-01T00:00:00Z\","
		"\"to\":\"2026-01-01T00:00:00Z\",\"key\":\"\"}}",
		"{\"search\":{\"at\":\"2026-01-01T00:00:00Z\",\"from\":"
		"\"2026-01-01T00:00:00Z\",\"to\":\"2026-01-01T00:00:00Z\","
		"\"key\":\"\",\"seen\":[]}}" };

	(void)unused;
	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++) {
		json_t *state = json_loads(states[i], 0, NULL);
		assert_non_null(state);
		assert_null(
		    search_new(&(struct search_options){ .limit = 1 }, state));
		json_decref(state);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_event_is_sent_once),
		cmocka_unit_test(
		    a_run_that_was_cut_off_anywhere_repeats_nothing),
		cmocka_unit_test(
		    an_event_on_the_bound_of_two_windows_is_sent_once),
		cmocka_unit_test(a_run_cut_off_on_the_bound_repeats_nothing),
		cmocka_unit_test(
		    a_window_that_repeats_a_second_sends_nothing_again),
		cmocka_unit_test(a_poll_sends_only_what_is_new),
		cmocka_unit_test(half_a_move_is_the_page_that_follows),
		cmocka_unit_test(moves_within_an_instant_name_no_id_twice),
		cmocka_unit_test(an_empty_page_forgets_nothing),
		cmocka_unit_test(an_end_to_come_is_waited_for),
		cmocka_unit_test(a_key_that_is_no_longer_taken_is_got_around),
		cmocka_unit_test(a_pager_that_stands_still_is_not_the_end),
		cmocka_unit_test(a_key_that_is_no_text_is_refused),
		cmocka_unit_test(a_foreign_state_is_refused),
	};

	return cmocka_run_group_tests_name("search", tests, NULL, NULL);
}
