/* Walks all events and prints their ids, or their JSON. */
#include "listing.h"

#include <stdio.h>

static const struct range all = { INT64_MIN, INT64_MAX, 1, NULL };

void
listing_uids(const struct catalogue *catalogue)
{
	const struct event *event;
	struct walk walk;

	walk_begin(&walk, catalogue, &all);
	while ((event = walk_next(&walk)))
		puts(event->id);
}

/* Integers as integers, so that 1 is not written 1.0; beyond 2^53 a double's
 * digits are not its own any more, and -0 is no integer. */
static json_t *
plain_numbers(json_t *value)
{
	const char *key;
	json_t *member;
	void *next;
	size_t i;

	if (json_is_real(value)) {
		double number = json_real_value(value);
		int is_plain = number > -9007199254740992. &&
			       number < 9007199254740992. &&
			       number == (double)(json_int_t)number &&
			       (number != 0 || !__builtin_signbit(number));

		return is_plain ? json_integer((json_int_t)number)
				: json_incref(value);
	}
	json_array_foreach(value, i, member)
	    json_array_set_new(value, i, plain_numbers(member));
	json_object_foreach_safe(value, next, key, member)
	    json_object_set_new_nocheck(value, key, plain_numbers(member));
	return json_incref(value);
}

/* Takes the reference over. */
static void
print_json(json_t *object)
{
	json_decref(plain_numbers(object));
	json_dumpf(object, stdout, JSON_SORT_KEYS | JSON_COMPACT);
	putchar('\n');
	json_decref(object);
}

void
listing_dump(const struct catalogue *catalogue)
{
	struct walk walk;

	walk_begin(&walk, catalogue, &all);
	while (walk_next(&walk))
		print_json(walk_json(&walk));
}
