/* The set of event ids: against a list of what is in it. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

#include "tp-fetch/id_set.h"

/* Ids of 1 to 64 bytes, all different. */
static size_t
make_id(unsigned number, char id[65])
{
	const size_t len_bytes = 1 + number % 64;
	char digits[16];

	if (len_bytes < 8) /* short ones need numbers of few digits */
		return (size_t)snprintf(id, 65, "%x", number);
	snprintf(digits, sizeof(digits), "%08x", number);
	memset(id, 'z', len_bytes);
	memcpy(id, digits, 8);
	return len_bytes;
}

static void
finds_what_was_added_and_nothing_else(void **state)
{
	enum { COUNT = 20000 }; /* grows many times; many share a slot */
	struct id_set *set = id_set_new();
	char id[65];

	(void)state;
	for (unsigned i = 0; i < COUNT; i += 2)
		id_set_add(set, id, make_id(i, id));
	for (unsigned i = 0; i < COUNT; i++)
		assert_int_equal(id_set_has(set, id, make_id(i, id)),
		    i % 2 == 0);
	assert_int_equal(id_set_count(set), COUNT / 2);
	id_set_free(set);
}

static void
tells_ids_apart_that_begin_alike(void **state)
{
	struct id_set *set = id_set_new();

	(void)state;
	id_set_add(set, "abc", 3);
	assert_true(id_set_has(set, "abc", 3));
	assert_false(id_set_has(set, "abc", 2));
	assert_false(id_set_has(set, "abcd", 4));
	id_set_add(set, "ab", 2);
	assert_true(id_set_has(set, "ab", 2));
	assert_int_equal(id_set_count(set), 2);
	id_set_free(set);
}

static void
adds_an_id_once(void **state)
{
	struct id_set *set = id_set_new();

	(void)state;
	for (int i = 0; i < 1000; i++)
		id_set_add(set, "same", 4);
	assert_int_equal(id_set_count(set), 1);
	id_set_free(set);
}

struct visited {
	unsigned next;
};

static void
visit(void *cookie, const char *id, size_t len_bytes)
{
	struct visited *visited = cookie;
	char wanted[65];
	size_t wanted_bytes = make_id(visited->next++, wanted);

	assert_int_equal(len_bytes, wanted_bytes);
	assert_memory_equal(id, wanted, len_bytes);
}

static void
visits_in_the_order_of_adding(void **state)
{
	struct id_set *set = id_set_new();
	struct visited visited = { 0 };
	char id[65];

	(void)state;
	for (unsigned i = 0; i < 300; i++)
		id_set_add(set, id, make_id(i, id));
	id_set_each(set, visit, &visited);
	assert_int_equal(visited.next, 300);
	id_set_free(set);
}

static void
is_empty_and_usable_once_cleared(void **state)
{
	struct id_set *set = id_set_new();
	struct visited visited = { 0 };
	char id[65];

	(void)state;
	for (unsigned i = 0; i < 300; i++)
		id_set_add(set, id, make_id(i, id));
	id_set_clear(set);
	assert_int_equal(id_set_count(set), 0);
	assert_false(id_set_has(set, id, make_id(7, id)));
	id_set_each(set, visit, &visited);
	assert_int_equal(visited.next, 0);
	id_set_add(set, id, make_id(0, id));
	assert_int_equal(id_set_count(set), 1);
	id_set_free(set);
	id_set_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_was_added_and_nothing_else),
		cmocka_unit_test(tells_ids_apart_that_begin_alike),
		cmocka_unit_test(adds_an_id_once),
		cmocka_unit_test(visits_in_the_order_of_adding),
		cmocka_unit_test(is_empty_and_usable_once_cleared),
	};

	return cmocka_run_group_tests_name("id_set", tests, NULL, NULL);
}
