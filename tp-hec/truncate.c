/*
 * Large events cut.  The line is known to be valid, so walking over its members
 * needs no more than strings and brackets told apart.
 */
#include "tp-hec/truncate.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/message.h"

static const char mark[] = "\"_tp_truncated\":true}";

struct member {
	const char *text; /* from the key on */
	size_t len_bytes; /* without the comma */
	int is_left_out;
};

struct members {
	struct member *list;
	size_t count;
	size_t capacity;
};

static void
members_add(struct members *members, const char *text, size_t len_bytes)
{
	if (members->count == members->capacity) {
		members->capacity = members->capacity * 2 + 64;
		members->list = reallocarray(members->list, members->capacity,
		    sizeof(*members->list));
		if (members->list == NULL)
			die(EXIT_OS, "out of memory");
	}
	members->list[members->count++] = (struct member){ text, len_bytes, 0 };
}

/* From a member's key to the comma behind its value, or the object's end. */
static const char *
member_end(const char *at)
{
	int in_string = 0;
	size_t depth = 0;

	for (;; at++) {
		if (*at == '"')
			in_string = !in_string;
		else if (in_string)
			at += *at == '\\';
		else if (*at == '{' || *at == '[')
			depth++;
		else if (depth == 0 && (*at == ',' || *at == '}'))
			return at;
		else if (*at == '}' || *at == ']')
			depth--;
	}
}

static void
find_members(struct members *members, const char *line, size_t len_bytes)
{
	const char *at = memchr(line, '{', len_bytes);

	for (at++; *at != '}';) {
		if (*at != '"') { /* blanks, commas */
			at++;
			continue;
		}
		const char *end = member_end(at);
		members_add(members, at, (size_t)(end - at));
		at = end;
	}
}

/* Largest first; of two alike the later one. */
static int
compare_members(const void *a, const void *b)
{
	const struct member *x = *(struct member *const *)a;
	const struct member *y = *(struct member *const *)b;

	if (x->len_bytes != y->len_bytes)
		return x->len_bytes < y->len_bytes ? 1 : -1;
	return (x->text < y->text) - (x->text > y->text);
}

static void
leave_out(struct members *members, size_t most_bytes)
{
	struct member **order;
	size_t total_bytes = 1 + sizeof(mark) - 1;

	order = reallocarray(NULL, members->count + 1, sizeof(struct member *));
	if (order == NULL)
		die(EXIT_OS, "out of memory");
	for (size_t i = 0; i < members->count; i++) {
		order[i] = &members->list[i];
		total_bytes += members->list[i].len_bytes + 1;
	}
	qsort(order, members->count, sizeof(struct member *), compare_members);
	for (size_t i = 0; i < members->count && total_bytes > most_bytes;
	     i++) {
		order[i]->is_left_out = 1;
		total_bytes -= order[i]->len_bytes + 1;
	}
	free(order);
}

void
truncate_event(const char *line, size_t len_bytes, size_t most_bytes,
    struct buffer *into)
{
	struct members members = { 0 };

	assert(most_bytes >= TRUNCATE_LEAST_BYTES);
	find_members(&members, line, len_bytes);
	leave_out(&members, most_bytes);
	buffer_append_byte(into, '{');
	for (size_t i = 0; i < members.count; i++)
		if (!members.list[i].is_left_out) {
			buffer_append(into, members.list[i].text,
			    members.list[i].len_bytes);
			buffer_append_byte(into, ',');
		}
	buffer_append_text(into, mark);
	free(members.list);
}
